mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "deals-test"

  functions = {
    broadcast = {
      name           = "deals-test-broadcast"
      arn            = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
      alias          = "live"
      alias_version  = "7"
      newest_version = "8"
      configuration  = "CodeDeployDefault.LambdaAllAtOnce"
      alarm_names    = []
    }
  }
}

run "refuses_a_name_that_iam_does_not_take" {
  command = plan

  variables {
    name = "deals test"
  }

  expect_failures = [var.name]
}

run "refuses_to_deploy_nothing" {
  command = plan

  variables {
    functions = {}
  }

  expect_failures = [var.functions]
}

run "refuses_more_alarms_than_codedeploy_watches" {
  command = plan

  variables {
    functions = {
      broadcast = {
        name           = "deals-test-broadcast"
        arn            = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
        alias          = "live"
        alias_version  = "7"
        newest_version = "8"
        configuration  = "CodeDeployDefault.LambdaAllAtOnce"
        alarm_names    = [for number in range(11) : "alarm-${number}"]
      }
    }
  }

  expect_failures = [var.functions]
}

run "refuses_a_configuration_of_servers" {
  command = plan

  variables {
    functions = {
      broadcast = {
        name           = "deals-test-broadcast"
        arn            = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
        alias          = "live"
        alias_version  = "7"
        newest_version = "8"
        configuration  = "CodeDeployDefault.OneAtATime"
        alarm_names    = []
      }
    }
  }

  expect_failures = [var.functions]
}

run "refuses_hooks_of_no_function" {
  command = plan

  variables {
    hooks = { brodcast = { before_allow_traffic_arn = null, after_allow_traffic_arn = null } }
  }

  expect_failures = [var.hooks]
}
