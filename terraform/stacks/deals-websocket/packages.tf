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

  # The path of a zip is kept in the state: an absolute one would change all functions in a plan from another checkout.
  # So it is told from the folder that Terraform runs in.
  here              = compact(split("/", abspath(".")))
  manifest_folder   = compact(split("/", abspath(dirname(var.packages_manifest))))
  shared_depth      = length([for depth in range(1, min(length(local.here), length(local.manifest_folder)) + 1) : depth if slice(local.here, 0, depth) == slice(local.manifest_folder, 0, depth)])
  packages_relative = join("/", concat([for _ in range(local.shared_depth, length(local.here)) : ".."], slice(local.manifest_folder, local.shared_depth, length(local.manifest_folder)), [""]))

  packages = {
    for function, package in local.chosen_packages : function => {
      path              = var.package_bucket == null ? "${local.packages_relative}${package.file}" : null
      s3_bucket         = var.package_bucket
      s3_key            = var.package_bucket == null ? null : "${var.package_prefix}${package.file}"
      s3_object_version = lookup(var.package_object_versions, function, null)
      sha256            = package.sha256
    }
  }
}
