# Shifting calls to new code by CodeDeploy: docs/adr/0070-codedeploy-moves-an-alias-of-its-own.md.
locals {
  # Of the alarms that exist, those of the function, and those of which there is one.
  alarm_names = merge(module.alarms[*].names...)

  codedeploy_alarm_names = {
    for function in keys(var.codedeploy_configurations) : function => [
      for id, name in local.alarm_names : name
      if contains(var.codedeploy_alarms, split("/", id)[0]) && contains([split("/", id)[0], "${split("/", id)[0]}/${function}"], id)
    ]
  }
}

module "codedeploy" {
  source = "../../modules/codedeploy"
  count  = length(var.codedeploy_configurations) > 0 ? 1 : 0

  name = local.prefix

  functions = {
    for function, configuration in var.codedeploy_configurations : function => {
      name           = module.function[function].name
      arn            = module.function[function].arn
      alias          = module.function[function].target.qualifier
      alias_version  = module.function[function].version
      newest_version = module.function[function].newest_version
      configuration  = configuration
      alarm_names    = local.codedeploy_alarm_names[function]
    }
  }

  hooks                    = var.codedeploy_hooks
  role_path                = var.role_path
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}
