################################################################################
# Packages
################################################################################

variable "packages_manifest" {
  description = <<-EOT
    Path of the manifest.json that the build writes beside the zips: {"architecture", "packages": [{"name", "version", "file", "sha256",
    "size"}], "earlier": [the same of older zips]}, `file` relative to it.
  EOT
  type        = string

  validation {
    condition     = can(jsondecode(file(var.packages_manifest)))
    error_message = "packages_manifest: there is no JSON file at ${var.packages_manifest}. In a checkout run `make package`; without one, after `terraform init`, fetch a release: python3 .terraform/modules/MODULE/lambdas/fetch_packages.py URL --manifest-sha256 HEX --into ${dirname(var.packages_manifest)} (docs/adopt.md)."
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

variable "function_versions" {
  description = <<-EOT
    Versions of single functions, by function, where not the build's own: { broadcast = "0.3.1" } rolls back (or
    upgrades) `broadcast` and nothing else. The manifest must know the version's zip.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.function_versions), try(jsondecode(file(var.packages_manifest)).packages[*].name, keys(var.function_versions)))) == 0
    error_message = "function_versions: ${join(", ", setsubtract(keys(var.function_versions), try(jsondecode(file(var.packages_manifest)).packages[*].name, [])))} is no function; ${var.packages_manifest} has ${join(", ", try(jsondecode(file(var.packages_manifest)).packages[*].name, []))}."
  }

  validation {
    condition = alltrue([
      for function, version in var.function_versions : contains(
        try([for package in concat(jsondecode(file(var.packages_manifest)).packages, try(jsondecode(file(var.packages_manifest)).earlier, [])) : "${package.name} ${package.version}"], ["${function} ${version}"]),
        "${function} ${version}",
      )
    ])
    error_message = "function_versions: ${var.packages_manifest} knows no zip of one of ${jsonencode(var.function_versions)}; of these functions it has ${join(", ", try([for package in concat(jsondecode(file(var.packages_manifest)).packages, try(jsondecode(file(var.packages_manifest)).earlier, [])) : "${package.name} ${package.version}" if contains(keys(var.function_versions), package.name)], []))}. Put the zip into the manifest's folder and build again: the build lists what it finds."
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

variable "package_object_versions" {
  description = "S3 object versions of the zips, by function, in a versioned bucket; the newest for functions that are not named"
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.package_object_versions) == 0 || var.package_bucket != null
    error_message = "package_object_versions: they are versions of objects in package_bucket; set that too, or leave them out."
  }

  validation {
    condition     = length(setsubtract(keys(var.package_object_versions), try(jsondecode(file(var.packages_manifest)).packages[*].name, keys(var.package_object_versions)))) == 0
    error_message = "package_object_versions: a key is a function of the manifest, such as broadcast."
  }
}
