################################################################################
# Publish API
################################################################################

module "publish_api" {
  source = "../../modules/publish-api"
  count  = var.publish_api_enabled ? 1 : 0

  name        = local.names.publish_api
  description = "Takes events from publishers (${var.environment})"
  stage_name  = var.stage_name
  function    = module.function["broadcast"].target

  authorization            = var.publish_api_authorization
  authorizer               = var.publish_api_authorization == "JWT" ? module.function["authorizer"].target : null
  authorizer_cache_seconds = var.publish_api_authorizer_cache_seconds
  throttling               = var.publish_api_throttling

  custom_domain            = var.publish_api_custom_domain
  custom_domain_path       = var.publish_api_custom_domain_path
  custom_domain_zone       = var.publish_api_custom_domain_zone
  default_endpoint_enabled = var.publish_api_default_endpoint_enabled

  access_log_enabled = var.publish_api_access_log_enabled
  log_retention_days = local.log_retention_days["publish_api"]
  log_kms_key_arn    = var.kms_key_arn
  tags               = local.tags
}

locals {
  # A local cloud has the HTTP API under the same paths as the WebSocket API.
  publish_api_url = var.local_endpoints == null ? one(module.publish_api[*].url) : one([for api in module.publish_api : "${replace(replace(var.local_endpoints.management_endpoint, "{api_id}", api.api_id), "{stage}", api.stage_name)}/events"])

  watched_publish_api = one([for api in module.publish_api : { id = api.api_id, stage_name = api.stage_name }])
}
