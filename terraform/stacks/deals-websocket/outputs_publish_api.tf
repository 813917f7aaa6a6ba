output "publish_api_url" {
  description = "Where backends POST events; null without a publish API"
  value       = local.publish_api_url
}

output "publish_api_id" {
  description = "Id of the publish API: the ApiId dimension of its metrics; null without one"
  value       = one(module.publish_api[*].api_id)
}

output "publish_api_custom_domain_target" {
  description = "What the DNS record of the publish API's domain points to: `domain_name`, and `hosted_zone_id` for an alias in Route 53; null without a domain"
  value       = one(module.publish_api[*].custom_domain_target)
}
