provider "aws" {}

variable "repository" {
  description = "Repository on GitHub whose workflow deploys, OWNER/NAME"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository: give it as OWNER/NAME, without wildcards: everybody who matches may deploy."
  }
}

variable "environment" {
  description = "GitHub environment that applies, such as production; ENVIRONMENT-plan is the one that plans"
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.environment))
    error_message = "environment: letters, digits, hyphens and underscores, without wildcards."
  }
}

variable "state_bucket" {
  description = "Name of the S3 bucket with the Terraform state"
  type        = string
}

variable "apply_policy_arns" {
  description = "ARNs of the policies of the role that applies, by a name of your choice. What the stack needs is what it makes: Lambda, API Gateway, DynamoDB, SQS, IAM roles, CloudWatch, EventBridge, SNS, Secrets Manager and, with Redis, ElastiCache and EC2"
  type        = map(string)
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds both roles, where the organisation asks for one"
  type        = string
  default     = null
}

################################################################################
# GitHub's identities, once per account
################################################################################

data "aws_partition" "current" {}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

################################################################################
# Roles: a plan reads, an apply changes
################################################################################

locals {
  # An environment's reviewers decide who gets its role, so the trust names the environment and not a branch.
  roles = {
    plan  = { environment = "${var.environment}-plan", state_actions = ["s3:GetObject"] }
    apply = { environment = var.environment, state_actions = ["s3:GetObject", "s3:PutObject"] }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name                 = "deals-${var.environment}-${each.key}"
  description          = "What the workflow deploy of ${var.repository} may do to ${each.key} ${var.environment}"
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:environment:${each.value.environment}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "state" {
  for_each = local.roles

  name = "state"
  role = aws_iam_role.this[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ListState"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = ["arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}"]
      },
      {
        Sid      = "UseState"
        Effect   = "Allow"
        Action   = each.value.state_actions
        Resource = ["arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}/*"]
      },
      ], each.key == "apply" ? [{
        Sid      = "UnlockState"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = ["arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}/*.tflock"]
    }] : [])
  })
}

# A plan reads the configuration of what is there, and no data: no items of tables, no values of secrets.
resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.this["plan"].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/job-function/ViewOnlyAccess"
}

resource "aws_iam_role_policy" "plan" {
  #checkov:skip=CKV_AWS_355:A plan only reads, the configuration of resources that may not be there yet and so have no ARN.
  name = "configuration"
  role = aws_iam_role.this["plan"].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "ReadConfiguration"
      Effect = "Allow"
      Action = [
        "apigateway:GET", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", "codedeploy:GetApplication",
        "codedeploy:GetDeploymentGroup", "codedeploy:ListTagsForResource", "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:ListTagsOfResource", "elasticache:ListTagsForResource",
        "events:DescribeEventBus", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "iam:GetRole",
        "iam:GetRolePolicy", "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags",
        "lambda:GetAlias", "lambda:GetEventSourceMapping", "lambda:GetFunction", "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionEventInvokeConfig", "lambda:GetPolicy", "lambda:GetProvisionedConcurrencyConfig", "lambda:ListTags",
        "lambda:ListVersionsByFunction", "logs:DescribeQueryDefinitions", "logs:ListTagsForResource",
        "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "sns:GetSubscriptionAttributes",
        "sns:GetTopicAttributes", "sns:ListTagsForResource", "sqs:GetQueueAttributes", "sqs:ListQueueTags",
      ]
      Resource = ["*"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = var.apply_policy_arns

  role       = aws_iam_role.this["apply"].name
  policy_arn = each.value
}

output "role_arns" {
  description = "ARNs of the roles, for the variable AWS_ROLE_ARN of the GitHub environments: `plan` and `apply`"
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}
