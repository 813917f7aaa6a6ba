locals {
  # The path of a zip is kept in the state: an absolute one would change all functions in a plan from another checkout.
  # So it is told from the folder that Terraform runs in.
  here              = compact(split("/", abspath(".")))
  manifest_folder   = compact(split("/", abspath(dirname(var.packages_manifest))))
  shared_depth      = length([for depth in range(1, min(length(local.here), length(local.manifest_folder)) + 1) : depth if slice(local.here, 0, depth) == slice(local.manifest_folder, 0, depth)])
  packages_relative = join("/", concat([for _ in range(local.shared_depth, length(local.here)) : ".."], slice(local.manifest_folder, local.shared_depth, length(local.manifest_folder)), [""]))

  packages = {
    for package in jsondecode(file(var.packages_manifest)).packages : package.name => {
      path      = var.package_bucket == null ? "${local.packages_relative}${package.file}" : null
      s3_bucket = var.package_bucket
      s3_key    = var.package_bucket == null ? null : "${var.package_prefix}${package.file}"
      sha256    = package.sha256
    }
  }
}
