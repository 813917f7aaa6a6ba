################################################################################
# VPC
################################################################################

output "vpc_id" {
  description = "Id of the VPC, created or given, for other security groups"
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
  description = "Ids of the functions' security groups, created or given"
  value       = local.security_group_ids
}

output "endpoint_policies" {
  description = "Policies (JSON) of the created endpoints, by service, to audit what may be reached through them"
  value       = local.endpoint_policies
}
