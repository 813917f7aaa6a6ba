################################################################################
# Roles
################################################################################

variable "role_path" {
  description = "IAM path of the role of the flow logs, where the organisation asks for one: /team/"
  type        = string
  default     = "/"

  validation {
    condition     = can(regex("^/([a-zA-Z0-9+=,.@_-]+/)*$", var.role_path))
    error_message = "role_path: it begins and ends with a slash, such as /team/."
  }
}
