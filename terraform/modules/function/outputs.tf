################################################################################
# Function
################################################################################

output "name" {
  description = "Name of the function, for the console and the command line"
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function without a qualifier, for alarms and for policies that name every version"
  value       = aws_lambda_function.this.arn
}

output "version" {
  description = "The version that `live` points to; keep it to roll back to"
  value       = local.alias.function_version
}

output "newest_version" {
  description = "The version that was published last, which CodeDeploy has still to move `live` to where it does that"
  value       = aws_lambda_function.this.version
}

output "alias_arn" {
  description = "ARN of the alias `live`: what to invoke, and to allow others to invoke"
  value       = local.alias.arn
}

output "target" {
  description = "Name, qualifier and invoke ARN of the alias `live`, as a route or the authorizer of the websocket-api module takes them"
  value = {
    name       = aws_lambda_function.this.function_name
    qualifier  = local.alias.name
    invoke_arn = local.alias.invoke_arn
  }
}

################################################################################
# Permissions
################################################################################

output "role_name" {
  description = "Name of the function's own role"
  value       = aws_iam_role.this.name
}

output "role_arn" {
  description = "ARN of the function's own role, to name it in the policies of resources"
  value       = aws_iam_role.this.arn
}

output "policy" {
  description = "The role's whole policy (JSON), to audit what the function may do"
  value       = aws_iam_role_policy.this.policy
}

################################################################################
# Logs
################################################################################

output "log_group_name" {
  description = "Name of the function's log group, for metric filters and queries"
  value       = aws_cloudwatch_log_group.this.name
}
