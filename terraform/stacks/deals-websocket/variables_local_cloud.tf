################################################################################
# Override for a local cloud
################################################################################

variable "local_endpoints" {
  description = <<-EOT
    Not for AWS. Where a local cloud serves what no event and no resource knows there; null on AWS. It also lets plain
    HTTP in.

    `websocket_url`, `management_endpoint`: the API, with {api_id} and {stage} in their places.
    `redis_url`: Redis, where it is not what the cache says: redis://127.0.0.1:PORT for a server without TLS; null
    where it is.
  EOT
  type = object({
    websocket_url       = string
    management_endpoint = string
    redis_url           = string
  })
  default = null

  validation {
    condition     = try(alltrue([for url in [var.local_endpoints.websocket_url, var.local_endpoints.management_endpoint] : strcontains(url, "{api_id}") && strcontains(url, "{stage}")]), var.local_endpoints == null)
    error_message = "local_endpoints: both URLs of the API need {api_id} and {stage}, as the local cloud has them in its paths."
  }

  validation {
    condition     = try(var.local_endpoints.redis_url, null) == null || can(regex("^rediss?://(127\\.0\\.0\\.1|localhost|\\[::1\\]):[0-9]+$", var.local_endpoints.redis_url))
    error_message = "local_endpoints: redis_url is redis://127.0.0.1:PORT, or rediss:// with TLS: without TLS nothing leaves this machine, and name and password go into no URL."
  }
}
