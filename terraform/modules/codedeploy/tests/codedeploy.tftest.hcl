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
      configuration  = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
      alarm_names    = ["deals-test-lambda_errors-broadcast"]
    }

    janitor = {
      name           = "deals-test-janitor"
      arn            = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-janitor"
      alias          = "live"
      alias_version  = "3"
      newest_version = "3"
      configuration  = "ours"
      alarm_names    = []
    }
  }
}

run "alias_is_shifted_and_taken_back_by_alarms" {
  assert {
    condition     = aws_codedeploy_app.this.compute_platform == "Lambda" && aws_codedeploy_deployment_group.this["broadcast"].deployment_config_name == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    error_message = "the group must shift the calls of a Lambda function as it was asked to"
  }

  assert {
    condition = (
      one(aws_codedeploy_deployment_group.this["broadcast"].auto_rollback_configuration).events == toset(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"])
      && one(aws_codedeploy_deployment_group.this["broadcast"].alarm_configuration).alarms == toset(["deals-test-lambda_errors-broadcast"])
      && one(aws_codedeploy_deployment_group.this["broadcast"].alarm_configuration).enabled
      && !one(aws_codedeploy_deployment_group.this["broadcast"].alarm_configuration).ignore_poll_alarm_failure
    )
    error_message = "an alarm must stop the deployment, and take the alias back"
  }

  assert {
    condition     = one(aws_codedeploy_deployment_group.this["janitor"].auto_rollback_configuration).events == toset(["DEPLOYMENT_FAILURE"]) && !one(aws_codedeploy_deployment_group.this["janitor"].alarm_configuration).enabled
    error_message = "without alarms a failed hook alone takes the alias back"
  }
}

run "deployments_are_those_of_functions_with_a_version_that_is_not_in_service" {
  assert {
    condition     = keys(output.deployments) == ["broadcast"]
    error_message = "where the alias is on the newest version there is nothing to deploy"
  }

  assert {
    condition = jsondecode(output.deployments.broadcast) == {
      applicationName     = "deals-test"
      deploymentGroupName = "broadcast"
      revision = {
        revisionType = "AppSpecContent"
        appSpecContent = {
          content = "{\"version\":0.0,\"Resources\":[{\"deals-test-broadcast\":{\"Properties\":{\"Alias\":\"live\",\"CurrentVersion\":\"7\",\"Name\":\"deals-test-broadcast\",\"TargetVersion\":\"8\"},\"Type\":\"AWS::Lambda::Function\"}}]}"
        }
      }
    }
    error_message = "the deployment must shift the alias from its version to the newest"
  }
}

run "hooks_are_called_and_nothing_else_may_be" {
  variables {
    hooks = {
      broadcast = {
        before_allow_traffic_arn = "arn:aws:lambda:eu-west-1:123456789012:function:try"
        after_allow_traffic_arn  = null
      }
    }
  }

  assert {
    condition     = jsondecode(jsondecode(output.deployments.broadcast).revision.appSpecContent.content).Hooks == [{ BeforeAllowTraffic = "arn:aws:lambda:eu-west-1:123456789012:function:try" }]
    error_message = "the hook must be in the deployment, and the absent one not"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource } == {
      MoveAliases = [
        "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast",
        "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast:live",
        "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-janitor",
        "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-janitor:live",
      ]
      LookAtAlarms = ["*"]
      CallHooks    = ["arn:aws:lambda:eu-west-1:123456789012:function:try"]
    }
    error_message = "CodeDeploy may move these aliases and call these hooks alone"
  }
}

run "without_hooks_nothing_may_be_called" {
  assert {
    condition     = !contains(jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid, "CallHooks")
    error_message = "there is nothing to call"
  }
}

run "names_of_roles_that_are_cut_stay_apart" {
  variables {
    name = "deals-for-a-customer-with-a-name-of-fifty-characters-x"
  }

  assert {
    condition     = length(aws_iam_role.this.name) == 64 && endswith(aws_iam_role.this.name, substr(sha256("deals-for-a-customer-with-a-name-of-fifty-characters-x-codedeploy-eu-west-1"), 0, 8))
    error_message = "IAM stops at 64 characters, and the Region is at the end"
  }
}

run "role_follows_the_organisations_rules" {
  variables {
    role_path                = "/team/"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = aws_iam_role.this.path == "/team/" && aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "path and boundary must reach the role"
  }
}
