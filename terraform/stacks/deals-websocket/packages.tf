locals {
  packages = {
    for package in jsondecode(file(var.packages_manifest)).packages : package.name => {
      path      = var.package_bucket == null ? "${dirname(var.packages_manifest)}/${package.file}" : null
      s3_bucket = var.package_bucket
      s3_key    = var.package_bucket == null ? null : "${var.package_prefix}${package.file}"
      sha256    = package.sha256
    }
  }
}
