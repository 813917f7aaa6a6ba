################################################################################
# VPC
################################################################################

output "vpc_id" {
  description = "Id of the VPC, made or given, for security groups of others"
  value       = local.vpc_id
}

output "subnet_ids" {
  description = "Ids of the private subnets, for functions and caches"
  value       = local.subnet_ids
}

################################################################################
# Security
################################################################################

output "security_group_ids" {
  description = "Ids of the functions' security groups, made or given"
  value       = local.security_group_ids
}

output "endpoint_policies" {
  description = "Policies (JSON) of the endpoints that are made, by service, to audit what may be reached through them"
  value       = local.endpoint_policies
}
