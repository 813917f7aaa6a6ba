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

variable "memory_mb" {
  description = "Memory in MB of functions, by function; those left out have `default_memory_mb` of capacity.tf: 512, or 1,769 where there is much to compute. The CPU share grows with it: one whole vCPU at 1,769 MB"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.memory_mb), local.all_functions)) == 0
    error_message = "memory_mb: there is no function ${join(", ", setsubtract(keys(var.memory_mb), local.all_functions))}; there are ${join(", ", local.all_functions)}."
  }

  validation {
    condition     = alltrue([for memory in values(var.memory_mb) : try(memory >= 128 && memory <= 10240 && floor(memory) == memory, false)])
    error_message = "memory_mb: Lambda takes a whole number from 128 to 10240 for ${join(", ", [for function, memory in var.memory_mb : function if !try(memory >= 128 && memory <= 10240 && floor(memory) == memory, false)])}; correct it, or leave the function out."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions reserved for, and the most allowed to, functions, by function; null, and all that are left out, use the account's pool, but `redis_relay`: it has two, the lease holder and the one that takes over"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), local.all_functions)) == 0
    error_message = "reserved_concurrency: there is no function ${join(", ", setsubtract(keys(var.reserved_concurrency), local.all_functions))}; there are ${join(", ", local.all_functions)}."
  }

  validation {
    condition     = alltrue([for number in values(var.reserved_concurrency) : number == null || try(number >= 1 && floor(number) == number, false)])
    error_message = "reserved_concurrency: give a whole number of at least 1; with 0 a function never runs, and null reserves nothing."
  }

  validation {
    condition     = lookup(var.reserved_concurrency, "redis_relay", 2) == null || try(lookup(var.reserved_concurrency, "redis_relay", 2) >= 2, false)
    error_message = "reserved_concurrency: redis_relay needs at least two, the lease holder and the one that takes over; raise it, or leave it out."
  }
}

variable "account_concurrency" {
  description = "Concurrent executions that the account has in the Region, for the check of reservations and the alarm `lambda_account_concurrency`. A new account has 10, and cannot reserve any: see `aws lambda get-account-settings`"
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.account_concurrency >= 10 && floor(var.account_concurrency) == var.account_concurrency
    error_message = "account_concurrency: give the account's limit, a whole number of at least 10; see it with: aws lambda get-account-settings"
  }

  validation {
    condition     = local.reserved_concurrency_sum <= max(0, var.account_concurrency - 100)
    error_message = "account_concurrency: reserved_concurrency takes ${local.reserved_concurrency_sum} in all (redis_relay's two included), and an account with ${var.account_concurrency} concurrent executions may reserve ${max(0, var.account_concurrency - 100)}, because AWS keeps 100 for functions without a reservation. See the account's with: aws lambda get-account-settings; then reserve less, or have the limit raised and name it here."
  }
}

variable "maximum_concurrency" {
  description = "Most concurrent invocations from the queues, 2 to 1000, by function: broadcast (10), delivery (2), forwarder (10). Two of `delivery` can spend the account's whole request budget: more of them only post more slowly each"
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.maximum_concurrency), keys(local.default_maximum_concurrency))) == 0
    error_message = "maximum_concurrency: no queue feeds ${join(", ", setsubtract(keys(var.maximum_concurrency), keys(local.default_maximum_concurrency)))}; there are ${join(", ", keys(local.default_maximum_concurrency))}."
  }

  validation {
    condition     = alltrue([for number in values(var.maximum_concurrency) : try(number >= 2 && number <= 1000 && floor(number) == number, false)])
    error_message = "maximum_concurrency: SQS takes a whole number from 2 to 1000; correct it, or leave the function out."
  }
}

variable "posts_per_second_budget" {
  description = "Posts a second that `delivery`, `broadcast` and `message_router` may make together, each instance its share: out of the account's 10,000 requests a second (2,500 in newer Regions), which all of its APIs share"
  type        = number
  default     = 10000

  validation {
    condition     = var.posts_per_second_budget == floor(var.posts_per_second_budget) && var.posts_per_second_budget <= 100000
    error_message = "posts_per_second_budget: give a whole number up to 100000."
  }

  validation {
    condition     = var.posts_per_second_budget >= coalesce(local.reserved_concurrency["delivery"], local.maximum_concurrency["delivery"])
    error_message = "posts_per_second_budget: each instance of delivery needs at least one post a second; raise it, or lower delivery in reserved_concurrency or maximum_concurrency."
  }

  validation {
    condition = alltrue([
      for percent_and_instances in [
        [var.direct_posts_broadcast_percent, coalesce(local.reserved_concurrency["broadcast"], local.maximum_concurrency["broadcast"])],
        [var.direct_posts_message_router_percent, coalesce(local.reserved_concurrency["message_router"], var.direct_posts_message_router_instances)],
        [100 - var.direct_posts_message_router_percent - var.direct_posts_broadcast_percent, coalesce(local.reserved_concurrency["delivery"], local.maximum_concurrency["delivery"])],
      ] : var.posts_per_second_budget * percent_and_instances[0] / 100 >= percent_and_instances[1]
    ])
    error_message = "posts_per_second_budget: each instance of delivery, broadcast and message_router needs at least one post a second of its part; raise it or its part in percent, or lower the function's reserved_concurrency, maximum_concurrency or direct_posts_message_router_instances."
  }
}

variable "direct_posts_broadcast_percent" {
  description = "Percent of `posts_per_second_budget` that `broadcast` posts to small audiences (`direct_audience_max`) itself, shared by its instances in `reserved_concurrency`, else `maximum_concurrency`; an instance whose share is used up queues its posts for `delivery`, which has the rest. With Redis `broadcast` posts nothing"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.direct_posts_broadcast_percent >= 1 && var.direct_posts_broadcast_percent == floor(var.direct_posts_broadcast_percent) && var.direct_posts_broadcast_percent + var.direct_posts_message_router_percent <= 90
    error_message = "direct_posts_broadcast_percent: use a whole number from 1, together with direct_posts_message_router_percent at most 90, since delivery needs the rest."
  }
}

variable "direct_posts_message_router_percent" {
  description = "Percent of `posts_per_second_budget` that `message_router` posts itself, for messages from client to client, shared by its instances in `reserved_concurrency`, else `direct_posts_message_router_instances`"
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.direct_posts_message_router_percent >= 1 && var.direct_posts_message_router_percent == floor(var.direct_posts_message_router_percent)
    error_message = "direct_posts_message_router_percent: use a whole number from 1."
  }
}

variable "direct_posts_message_router_instances" {
  description = "How many instances of `message_router` are expected to run at once where none are reserved. What runs beyond them is beyond the budget: reserve concurrency for a bound that holds"
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.direct_posts_message_router_instances >= 1 && var.direct_posts_message_router_instances <= 10000 && var.direct_posts_message_router_instances == floor(var.direct_posts_message_router_instances)
    error_message = "direct_posts_message_router_instances: use a whole number from 1 to 10000, the instances that run at once on a busy day."
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
