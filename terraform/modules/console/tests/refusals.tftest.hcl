mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name          = "deals-test"
  websocket_url = "wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1"
  folder        = "./tests/fixtures/dist"
}

run "refuses_a_name_that_makes_no_bucket" {
  command = plan

  variables {
    name = "Deals_Production"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_that_is_too_long_for_a_bucket" {
  command = plan

  variables {
    name = "a-name-of-twenty-nine-letters"
  }

  expect_failures = [var.name]
}

run "refuses_a_socket_in_plain_text" {
  command = plan

  variables {
    websocket_url = "ws://example.com/v1"
  }

  expect_failures = [var.websocket_url]
}

run "refuses_a_page_in_place_of_a_socket" {
  command = plan

  variables {
    websocket_url = "https://example.com/v1"
  }

  expect_failures = [var.websocket_url]
}

run "refuses_a_socket_with_a_query" {
  command = plan

  variables {
    websocket_url = "wss://example.com/v1?token=x"
  }

  expect_failures = [var.websocket_url]
}

run "refuses_a_host_that_would_widen_the_policy" {
  command = plan

  variables {
    websocket_url = "wss://*.example.com/v1"
  }

  expect_failures = [var.websocket_url]
}

run "refuses_a_host_with_more_of_the_policy" {
  command = plan

  variables {
    websocket_url = "wss://example.com; script-src *"
  }

  expect_failures = [var.websocket_url]
}

run "refuses_a_folder_without_a_page" {
  command = plan

  variables {
    folder = "./tests/fixtures"
  }

  expect_failures = [var.folder]
}

run "refuses_an_unknown_price_class" {
  command = plan

  variables {
    price_class = "PriceClass_300"
  }

  expect_failures = [var.price_class]
}

run "refuses_a_regional_web_acl" {
  command = plan

  variables {
    web_acl_arn = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/x/1"
  }

  expect_failures = [var.web_acl_arn]
}

run "refuses_a_log_bucket_by_its_name_alone" {
  command = plan

  variables {
    access_log = { bucket_domain_name = "logs", prefix = "" }
  }

  expect_failures = [var.access_log]
}

run "refuses_an_alias_of_a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:alias/x"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_domain_with_a_scheme" {
  command = plan

  variables {
    custom_domain = { name = "https://console.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_certificate_of_another_region" {
  command = plan

  variables {
    custom_domain = { name = "console.example.com", certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1" }
  }

  expect_failures = [var.custom_domain]
}

run "refuses_a_zone_without_a_domain" {
  command = plan

  variables {
    custom_domain_zone = { id = "Z0123456789ABCDEFGHIJ" }
  }

  expect_failures = [var.custom_domain_zone]
}
