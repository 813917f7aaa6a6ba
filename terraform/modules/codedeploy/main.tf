locals {
  # CodeDeploy's "version" is the number 0.0, which jsonencode would write as 0.
  appspecs = {
    for key, function in var.functions : key => format("{\"version\":0.0,\"Resources\":%s%s}",
      jsonencode([{
        (function.name) = {
          Type = "AWS::Lambda::Function"
          Properties = {
            Name           = function.name
            Alias          = function.alias
            CurrentVersion = function.alias_version
            TargetVersion  = function.newest_version
          }
        }
      }]),
      length(local.hooks[key]) == 0 ? "" : ",\"Hooks\":${jsonencode(local.hooks[key])}",
    )
  }

  hooks = {
    for key, hook in { for key in keys(var.functions) : key => lookup(var.hooks, key, null) } : key => hook == null ? [] : concat(
      hook.before_allow_traffic_arn == null ? [] : [{ BeforeAllowTraffic = hook.before_allow_traffic_arn }],
      hook.after_allow_traffic_arn == null ? [] : [{ AfterAllowTraffic = hook.after_allow_traffic_arn }],
    )
  }

  # Roles are global where applications are regional, so the Region is part of the name; IAM stops at 64 characters.
  role_name_full = "${var.name}-codedeploy-${data.aws_region.current.id}"
  role_name      = length(local.role_name_full) <= 64 ? local.role_name_full : "${substr(local.role_name_full, 0, 55)}-${substr(sha256(local.role_name_full), 0, 8)}"

  hook_arns = distinct(flatten([for hook in values(var.hooks) : compact([hook.before_allow_traffic_arn, hook.after_allow_traffic_arn])]))
}

################################################################################
# Application
################################################################################

resource "aws_codedeploy_app" "this" {
  name             = var.name
  compute_platform = "Lambda"
  tags             = var.tags
}

# Moves the alias to the newest version in the steps of its configuration, and back when an alarm fires or a hook fails.
resource "aws_codedeploy_deployment_group" "this" {
  for_each = var.functions

  app_name               = aws_codedeploy_app.this.name
  deployment_group_name  = each.key
  deployment_config_name = each.value.configuration
  service_role_arn       = aws_iam_role.this.arn
  tags                   = var.tags

  deployment_style {
    deployment_type   = "BLUE_GREEN" # the only type of Lambda
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  auto_rollback_configuration {
    enabled = true
    events  = concat(["DEPLOYMENT_FAILURE"], length(each.value.alarm_names) == 0 ? [] : ["DEPLOYMENT_STOP_ON_ALARM"])
  }

  # Where CloudWatch does not answer, nothing is known of the new code either: the deployment stops.
  alarm_configuration {
    enabled                   = length(each.value.alarm_names) > 0
    alarms                    = each.value.alarm_names
    ignore_poll_alarm_failure = false
  }

  # CodeDeploy refuses a group whose role may not do its work.
  depends_on = [aws_iam_role_policy.this]
}

################################################################################
# Role
################################################################################

resource "aws_iam_role" "this" {
  name                 = local.role_name
  path                 = var.role_path
  description          = "Moves the aliases of the functions of ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codedeploy.amazonaws.com" }
    }]
  })
}

# What AWS's own policy for it (AWSCodeDeployRoleForLambdaLimited) allows on everything, on these functions alone.
resource "aws_iam_role_policy" "this" {
  name = "codedeploy"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "MoveAliases"
          Effect   = "Allow"
          Action   = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
          Resource = flatten([for function in values(var.functions) : [function.arn, "${function.arn}:${function.alias}"]])
        },
        {
          # The action knows no resource that stands for alarms of a list.
          Sid      = "LookAtAlarms"
          Effect   = "Allow"
          Action   = ["cloudwatch:DescribeAlarms"]
          Resource = ["*"]
        },
      ],
      length(local.hook_arns) == 0 ? [] : [{
        Sid      = "CallHooks"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = local.hook_arns
      }],
    )
  })
}

data "aws_region" "current" {}
