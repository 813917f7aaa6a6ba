variable "api_id" {
  description = "Id of the WebSocket or HTTP API"
  type        = string
}

variable "stage_name" {
  description = "Name of the stage that the domain serves"
  type        = string
}

variable "domain" {
  description = <<-EOT
    The domain; all APIs of one are WebSocket APIs, or all are HTTP APIs.

    `name`: the domain name, such as live.example.com.
    `certificate_arn`: ARN of its ACM certificate, in the API's Region. It may be made in the same configuration.
  EOT
  type = object({
    name            = string
    certificate_arn = string
  })
}

variable "path" {
  description = "Path of the API below the domain, where several APIs share one; null for none"
  type        = string
  default     = null
}

variable "zone" {
  description = "Route 53 zone that gets the domain's record, by its `id`; null where DNS is elsewhere"
  type        = object({ id = string })
  default     = null
}

variable "tags" {
  description = "Tags of the domain"
  type        = map(string)
  default     = {}
}
