mock_provider "aws" {
  source = "../../mocks"
}

variables {
  environment       = "test"
  packages_manifest = "tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "without_configurations_there_is_no_codedeploy" {
  command = plan

  assert {
    condition     = length(module.codedeploy) == 0 && length(output.codedeploy_deployments) == 0
    error_message = "CodeDeploy must be asked for"
  }
}

run "functions_are_shifted_by_their_own_alarms_and_those_of_the_service" {
  variables {
    codedeploy_configurations = {
      authorizer = "CodeDeployDefault.LambdaLinear10PercentEvery1Minute"
      broadcast  = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    }
    codedeploy_hooks = {
      broadcast = { before_allow_traffic_arn = "arn:aws:lambda:eu-west-1:123456789012:function:try", after_allow_traffic_arn = null }
    }
  }

  assert {
    condition = local.codedeploy_alarm_names == {
      authorizer = ["deals-test-authorizer_faults", "deals-test-error_rate", "deals-test-lambda_duration-authorizer", "deals-test-lambda_throttles-authorizer"]
      broadcast  = ["deals-test-authorizer_faults", "deals-test-error_rate", "deals-test-lambda_duration-broadcast", "deals-test-lambda_errors-broadcast", "deals-test-lambda_throttles-broadcast"]
    }
    error_message = "another function's alarm must not stop a deployment: a 401 is an error of the authorizer, so that has none"
  }

  assert {
    condition     = module.codedeploy[0].app_name == "deals-test"
    error_message = "the application must have the deployment's name"
  }
}

run "without_alarms_hooks_alone_decide" {
  command = plan

  variables {
    alarms_enabled            = false
    codedeploy_configurations = { broadcast = "CodeDeployDefault.LambdaAllAtOnce" }
  }

  assert {
    condition     = local.codedeploy_alarm_names == { broadcast = [] }
    error_message = "there is no alarm to watch"
  }
}

run "refuses_an_unknown_function" {
  command = plan

  variables {
    codedeploy_configurations = { brodcast = "CodeDeployDefault.LambdaAllAtOnce" }
  }

  expect_failures = [var.codedeploy_configurations]
}

run "refuses_two_that_shift_the_calls" {
  command = plan

  variables {
    codedeploy_configurations = { broadcast = "CodeDeployDefault.LambdaAllAtOnce" }
    canaries                  = { broadcast = { stable_version = "7", weight = 0.1 } }
  }

  expect_failures = [var.codedeploy_configurations]
}

run "refuses_alarms_that_are_made_of_alarms" {
  command = plan

  variables {
    codedeploy_alarms = ["unhealthy"]
  }

  expect_failures = [var.codedeploy_alarms]
}

run "refuses_hooks_of_a_function_that_is_not_shifted" {
  command = plan

  variables {
    codedeploy_hooks = { broadcast = { before_allow_traffic_arn = null, after_allow_traffic_arn = null } }
  }

  expect_failures = [var.codedeploy_hooks]
}
