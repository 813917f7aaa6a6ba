output "app_name" {
  description = "Name of the CodeDeploy application"
  value       = aws_codedeploy_app.this.name
}

output "deployments" {
  description = "What `aws deploy create-deployment --cli-input-json` takes, by function whose newest version is not in service yet"
  value = {
    for key, function in var.functions : key => jsonencode({
      applicationName     = aws_codedeploy_app.this.name
      deploymentGroupName = aws_codedeploy_deployment_group.this[key].deployment_group_name
      revision = {
        revisionType   = "AppSpecContent"
        appSpecContent = { content = local.appspecs[key] }
      }
    }) if function.alias_version != function.newest_version
  }
}

output "role_arn" {
  description = "ARN of the role with which CodeDeploy works, to name it in the policies of hooks"
  value       = aws_iam_role.this.arn
}
