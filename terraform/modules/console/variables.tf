################################################################################
# What is shown
################################################################################

variable "name" {
  description = "Name of the deployment, such as deals-production: the beginning of all names"
  type        = string

  validation {
    # Outside limit: a bucket's prefix has 37 characters, of which `-console-` takes nine.
    condition     = can(regex("^[a-z][a-z0-9-]{1,26}[a-z0-9]$", var.name))
    error_message = "name: use 3 to 28 lower-case letters, digits and hyphens, beginning with a letter; it becomes the prefix of a bucket's name."
  }
}

variable "websocket_url" {
  description = "URL that clients connect to, such as the output `websocket_url` of the stack. The page may open sockets to its host and to no other"
  type        = string

  validation {
    condition     = can(regex("^wss://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}(:[0-9]{1,5})?(/[^?#\\s]*)?$", var.websocket_url))
    error_message = "websocket_url: give the wss:// URL of the service, such as wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1, without query; a page that came by https opens no ws:// socket."
  }
}

variable "folder" {
  description = "Folder of the built page: clients/console/dist of this repository, or of the release's archive. Its config.json is replaced"
  type        = string

  validation {
    condition     = fileexists("${var.folder}/index.html")
    error_message = "folder: there is no index.html in it; give the folder of the built page, such as clients/console/dist."
  }
}

################################################################################
# How it is served
################################################################################

variable "price_class" {
  description = "Where CloudFront serves from: PriceClass_100 (North America, Europe, Israel), PriceClass_200 (most others too) or PriceClass_All"
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class: use PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "ARN of a web ACL of AWS WAF, of the scope CLOUDFRONT, which lies in us-east-1; null for none"
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:[^:]+:wafv2:us-east-1:[0-9]{12}:global/webacl/.+", var.web_acl_arn))
    error_message = "web_acl_arn: give the ARN of a web ACL of the scope CLOUDFRONT, arn:aws:wafv2:us-east-1:ACCOUNT:global/webacl/NAME/ID."
  }
}

variable "access_log" {
  description = <<-EOT
    Where CloudFront logs each request; null for nowhere. Logs hold the addresses of visitors, and never a token, which no URL has.

    `bucket_domain_name`: of a bucket that takes ACLs (object ownership BucketOwnerPreferred), such as logs.s3.amazonaws.com.
    `prefix`: the beginning of the objects' names, such as console/.
  EOT
  type = object({
    bucket_domain_name = string
    prefix             = string
  })
  default = null

  validation {
    condition     = var.access_log == null || can(regex("^[a-z0-9][a-z0-9.-]+\\.s3[a-z0-9.-]*\\.amazonaws\\.com(\\.cn)?$", var.access_log.bucket_domain_name))
    error_message = "access_log: bucket_domain_name is a bucket's domain name, such as logs.s3.amazonaws.com (the attribute bucket_domain_name of aws_s3_bucket)."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that encrypts the files; null for S3's own key. The key's policy must let cloudfront.amazonaws.com decrypt (see above)"
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+", var.kms_key_arn))
    error_message = "kms_key_arn: give the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID; an alias or id is not enough here."
  }
}

variable "tags" {
  description = "Tags of all resources that take any"
  type        = map(string)
  default     = {}
}
