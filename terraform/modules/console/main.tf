locals {
  # By extension; a file of another kind is served as bytes, and `nosniff` keeps browsers from guessing.
  content_types = {
    css   = "text/css; charset=utf-8"
    html  = "text/html; charset=utf-8"
    ico   = "image/x-icon"
    js    = "text/javascript; charset=utf-8"
    json  = "application/json; charset=utf-8"
    png   = "image/png"
    svg   = "image/svg+xml"
    txt   = "text/plain; charset=utf-8"
    woff2 = "font/woff2"
  }

  # The page's own settings replace those of the build, which name no service. Hidden files are no part of a page.
  settings_file = "config.json"
  page          = "index.html"
  files         = toset([for file in fileset(var.folder, "**") : file if file != local.settings_file && !can(regex("(^|/)\\.", file))])

  # Names do not change with their contents, so every file is asked for again, and answered "not modified".
  cache_control = "no-cache"
}

################################################################################
# Bucket, which only the distribution reads
################################################################################

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_21:The repository has every version of the page; an apply uploads the one that is checked out.
  #checkov:skip=CKV_AWS_18:Only the distribution reads it, and access_log logs who asks the distribution.
  #checkov:skip=CKV_AWS_144:The page is built from the repository, and an apply puts it anywhere.
  #checkov:skip=CKV_AWS_145:The page is public and encrypted with S3's own key; kms_key_arn names another.
  #checkov:skip=CKV2_AWS_61:All objects are declared here, so none is left over that would have to expire.
  #checkov:skip=CKV2_AWS_62:Nobody waits for a new file: the distribution asks for it.
  bucket_prefix = "${var.name}-console-"
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket     = aws_s3_bucket.this.id
  depends_on = [aws_s3_bucket_public_access_block.this]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DistributionReads"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "s3:GetObject"
        Resource  = "${aws_s3_bucket.this.arn}/*"
        Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
      },
      {
        # Without it S3 answers 403 for a file that is not there, so that a page cannot tell what is wrong. The
        # distribution passes no query on, so nobody gets a list.
        Sid       = "MissingFilesAre404"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "s3:ListBucket"
        Resource  = aws_s3_bucket.this.arn
        Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
      },
      {
        Sid       = "NothingInPlainText"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

################################################################################
# Files
################################################################################

resource "aws_s3_object" "files" {
  #checkov:skip=CKV_AWS_186:The page is public; kms_key_arn encrypts it with a key of yours.
  for_each = setsubtract(local.files, [local.page])

  bucket        = aws_s3_bucket.this.id
  key           = each.value
  source        = "${var.folder}/${each.value}"
  source_hash   = filemd5("${var.folder}/${each.value}")
  content_type  = lookup(local.content_types, lower(reverse(split(".", each.value))[0]), "application/octet-stream")
  cache_control = local.cache_control
  kms_key_id    = var.kms_key_arn
  tags          = var.tags

  depends_on = [aws_s3_bucket_ownership_controls.this, aws_s3_bucket_server_side_encryption_configuration.this]
}

resource "aws_s3_object" "settings" {
  #checkov:skip=CKV_AWS_186:The address of the service is public; kms_key_arn encrypts it with a key of yours.
  bucket        = aws_s3_bucket.this.id
  key           = local.settings_file
  content       = jsonencode({ url = var.websocket_url })
  content_type  = local.content_types.json
  cache_control = local.cache_control
  kms_key_id    = var.kms_key_arn
  tags          = var.tags

  depends_on = [aws_s3_bucket_ownership_controls.this, aws_s3_bucket_server_side_encryption_configuration.this]
}

# Last: a page that names a file which is not there yet would fail.
resource "aws_s3_object" "page" {
  #checkov:skip=CKV_AWS_186:The page is public; kms_key_arn encrypts it with a key of yours.
  bucket        = aws_s3_bucket.this.id
  key           = local.page
  source        = "${var.folder}/${local.page}"
  source_hash   = filemd5("${var.folder}/${local.page}")
  content_type  = local.content_types.html
  cache_control = local.cache_control
  kms_key_id    = var.kms_key_arn
  tags          = var.tags

  depends_on = [aws_s3_object.files, aws_s3_object.settings]
}
