output "package_versions" {
  description = "Version of each function's package, to see what `function_versions` may roll back from"
  value       = { for function, package in local.chosen_packages : function => package.version if contains(keys(local.functions), function) }
}

output "lambda_versions" {
  description = "Number of the published version that gets each function's calls; with a canary, all but its share: what `canaries` takes as `stable_version`"
  value       = { for function, instance in module.function : function => instance.version }
}

output "codedeploy_deployments" {
  description = "What `aws deploy create-deployment --cli-input-json` takes, by function of `codedeploy_configurations` whose newest code is not in service yet"
  value       = merge(module.codedeploy[*].deployments...)
}
