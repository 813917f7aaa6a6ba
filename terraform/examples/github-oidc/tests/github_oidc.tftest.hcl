mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  repository        = "acme/deals"
  environment       = "production"
  state_bucket      = "acme-terraform-state"
  apply_policy_arns = { deploy = "arn:aws:iam::123456789012:policy/deals-deploy" }
}

run "each_role_trusts_one_environment_of_one_repository" {
  assert {
    condition = { for key, role in aws_iam_role.this : key => jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] } == {
      apply = "repo:acme/deals:environment:production"
      plan  = "repo:acme/deals:environment:production-plan"
    }
    error_message = "another repository or environment must not assume the role"
  }

  assert {
    condition     = alltrue([for action in jsondecode(aws_iam_role_policy.plan.policy).Statement[0].Action : can(regex(":(GET|Get|List|Describe)", action)) && !contains(["dynamodb:GetItem", "secretsmanager:GetSecretValue"], action)])
    error_message = "a plan must change nothing and read no data"
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.state["plan"].policy, "PutObject") && strcontains(aws_iam_role_policy.state["apply"].policy, "PutObject")
    error_message = "only an apply may write the state"
  }
}

run "refuses_wildcards" {
  command = plan

  variables {
    repository  = "acme/*"
    environment = "*"
  }

  expect_failures = [var.repository, var.environment]
}
