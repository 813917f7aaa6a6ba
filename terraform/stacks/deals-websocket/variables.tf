################################################################################
# Names
################################################################################

variable "name" {
  description = "Name of the service, the first part of every resource's name"
  type        = string
  default     = "deals"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.name))
    error_message = "name: use lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }
}

variable "environment" {
  description = "Name of the environment, the second part of every resource's name"
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*[a-z0-9]$", var.environment))
    error_message = "environment: use lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }

  validation {
    condition     = length("${var.name}-${var.environment}-connection_handler") <= 64
    error_message = "environment: Lambda stops at 64 characters for a function's name, of which <name>-<environment> has 45; shorten one of the two."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Name, Environment and ManagedBy"
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : !startswith(lower(key), "aws:") && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value))])
    error_message = "tags: AWS keeps keys that begin with aws: to itself, and takes keys of up to 128 and values of up to 256 letters, digits, spaces and _.:/=+@-; rename or correct them."
  }

  validation {
    condition     = length(var.tags) <= 46
    error_message = "tags: a resource has at most 50, of which Name, Environment and ManagedBy are three, and some have one more; leave some out."
  }
}

################################################################################
# Packages
################################################################################

variable "packages_manifest" {
  description = "Path of the manifest.json that the build writes beside the zips: {\"architecture\", \"packages\": [{\"name\", \"version\", \"file\", \"sha256\", \"size\"}]}, `file` relative to it"
  type        = string

  validation {
    condition     = can(jsondecode(file(var.packages_manifest)))
    error_message = "packages_manifest: there is no JSON file at ${var.packages_manifest}; build the packages first."
  }

  validation {
    condition = length(setsubtract(
      ["authorizer", "connection_handler", "message_router", "broadcast", "delivery", "janitor"],
      try(jsondecode(file(var.packages_manifest)).packages[*].name, []),
    )) == 0
    error_message = "packages_manifest: ${var.packages_manifest} lacks a package of authorizer, connection_handler, message_router, broadcast, delivery or janitor; build all of them."
  }

  validation {
    condition     = length(var.forward_events_to) == 0 || contains(try(jsondecode(file(var.packages_manifest)).packages[*].name, []), "forwarder")
    error_message = "packages_manifest: ${var.packages_manifest} lacks a package of forwarder, which forward_events_to needs; build all of them, or leave forward_events_to empty."
  }

  validation {
    condition = !var.redis_enabled || length(setsubtract(
      ["index_projector", "redis_relay"], try(jsondecode(file(var.packages_manifest)).packages[*].name, []),
    )) == 0
    error_message = "packages_manifest: ${var.packages_manifest} lacks a package of index_projector or redis_relay, which redis_enabled needs; build all of them, or set redis_enabled to false."
  }
}

variable "package_bucket" {
  description = "S3 bucket that holds the zips; null to upload those beside the manifest"
  type        = string
  default     = null

  validation {
    condition     = var.package_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.package_bucket)) && !strcontains(coalesce(var.package_bucket, "-"), "..")
    error_message = "package_bucket: S3 has buckets of 3 to 63 lower-case letters, digits, dots and hyphens; give the bucket's name alone, without s3:// or a folder (that is package_prefix)."
  }
}

variable "package_prefix" {
  description = "Prefix of a package's file name in its S3 key, including the slash at its end"
  type        = string
  default     = ""

  validation {
    condition     = var.package_prefix == "" || var.package_bucket != null
    error_message = "package_prefix: it is a part of S3 keys; set package_bucket too, or leave it out."
  }
}

################################################################################
# Functions
################################################################################

variable "architecture" {
  description = "Instruction set of the functions, the one that the packages were built for: arm64 or x86_64"
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: Lambda knows arm64 and x86_64."
  }

  # A manifest of before, or of a local cloud, names none.
  validation {
    condition     = try(jsondecode(file(var.packages_manifest)).architecture, null) == null || try(jsondecode(file(var.packages_manifest)).architecture == var.architecture, true)
    error_message = "architecture: ${var.packages_manifest} was built for ${try(jsondecode(file(var.packages_manifest)).architecture, "another one")}, whose compiled modules ${var.architecture} cannot load; set architecture to it, or run `make package ARCHITECTURE=${var.architecture}`."
  }
}

variable "log_level" {
  description = "Least severe level that the functions log: DEBUG, INFO, WARNING or ERROR"
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level: use DEBUG, INFO, WARNING or ERROR."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that bounds every role that is made, where the organisation asks for one"
  type        = string
  default     = null
}

################################################################################
# Protection
################################################################################

variable "kms_key_arn" {
  description = <<-EOT
    ARN of a customer managed KMS key for the tables, queues, logs and the secret; null for AWS's own keys.

    Its policy must let CloudWatch Logs use it, and SNS and EventBridge where they are event sources; EventBridge without
    a condition on `aws:SourceAccount`, which it does not send for a queue: its events would be dropped in silence. See
    examples/complete.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", var.kms_key_arn))
    error_message = "kms_key_arn: give the ARN of the key itself (…:key/…), not an alias: IAM policies do not follow aliases."
  }

  validation {
    condition     = var.kms_key_arn == null || try(split(":", var.kms_key_arn)[3] == data.aws_region.current.id, true)
    error_message = "kms_key_arn: the key is in another Region than ${data.aws_region.current.id}, where the tables, queues and logs are; name one of this Region."
  }
}

variable "point_in_time_recovery_enabled" {
  description = "Whether the tables can be restored to any second of the last 35 days (charged by size)"
  type        = bool
  default     = true
}

variable "deletion_protection_enabled" {
  description = "Whether DynamoDB refuses to delete the tables, terraform destroy included"
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs of the functions and the API"
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
