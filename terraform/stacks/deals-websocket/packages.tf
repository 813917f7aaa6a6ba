locals {
  manifest = jsondecode(file(var.packages_manifest))

  # Every zip that the manifest knows, by function and version: those of this build, and earlier ones beside them.
  known_packages = {
    for package in concat(local.manifest.packages, try(local.manifest.earlier, [])) : "${package.name}-${package.version}" => package...
  }

  # The build's own version of each function, or the one that is asked for.
  chosen_packages = {
    for package in local.manifest.packages : package.name => local.known_packages["${package.name}-${lookup(var.function_versions, package.name, package.version)}"][0]
  }

  packages = {
    for function, package in local.chosen_packages : function => {
      path              = var.package_bucket == null ? "${dirname(var.packages_manifest)}/${package.file}" : null
      s3_bucket         = var.package_bucket
      s3_key            = var.package_bucket == null ? null : "${var.package_prefix}${package.file}"
      s3_object_version = lookup(var.package_object_versions, function, null)
      sha256            = package.sha256
    }
  }
}
