variable "packages_manifest" {
  description = "Path of the manifest.json of the built packages"
  type        = string
  default     = "../../../dist/manifest.json"
}

variable "jwt_secret" {
  description = "The secret that signs the tokens, at least 32 bytes; set TF_VAR_jwt_secret"
  type        = string
  sensitive   = true
  ephemeral   = true # so that neither plan nor state holds it
}

variable "vpc_id" {
  description = "Id of the VPC"
  type        = string
}

variable "subnet_ids" {
  description = "Ids of private subnets of it, in two Availability Zones or more"
  type        = list(string)
}

variable "internet_egress" {
  description = "Whether the subnets reach the internet by a NAT gateway; the functions then need no endpoint"
  type        = bool
  default     = false
}

variable "missing_endpoints" {
  description = "Services that the functions call and the VPC has no endpoint for, of dynamodb, lambda and sqs; they are made here. Empty where it has them all, or a NAT gateway"
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.missing_endpoints, ["dynamodb", "lambda", "sqs"])) == 0
    error_message = "missing_endpoints: the functions in the VPC call dynamodb, lambda and sqs, and nothing else."
  }
}

variable "route_table_ids" {
  description = "Ids of the subnets' route tables, where dynamodb is missing: its endpoint is a route"
  type        = list(string)
  default     = []

  validation {
    condition     = contains(var.missing_endpoints, "dynamodb") == (length(var.route_table_ids) > 0)
    error_message = "route_table_ids: the endpoint of dynamodb is a route in the subnets' route tables; give them with dynamodb in missing_endpoints, and only then."
  }
}
