output "url" {
  description = "URL of the page"
  value       = "https://${var.custom_domain == null ? aws_cloudfront_distribution.this.domain_name : var.custom_domain.name}/"
}

output "distribution_id" {
  description = "Id of the CloudFront distribution"
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "ARN of the CloudFront distribution, for the policy of a key that encrypts the files"
  value       = aws_cloudfront_distribution.this.arn
}

output "distribution_domain_name" {
  description = "CloudFront's name of the page: where DNS that is elsewhere points to"
  value       = aws_cloudfront_distribution.this.domain_name
}

output "bucket_name" {
  description = "Name of the bucket with the files, which only the distribution reads"
  value       = aws_s3_bucket.this.id
}
