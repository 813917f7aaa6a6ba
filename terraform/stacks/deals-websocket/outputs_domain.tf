output "custom_domain_target" {
  description = "What the custom domain's DNS record points to: `domain_name`, and `hosted_zone_id` for an alias in Route 53; null without a custom domain"
  value       = module.websocket_api.custom_domain_target
}
