mock_provider "aws" {
  source = "../../mocks"

  mock_resource "aws_lambda_function" {
    defaults = {
      arn         = "arn:aws:lambda:eu-west-1:123456789012:function:deals-test-broadcast"
      version     = "7"
      code_sha256 = "PUkatyfOC8dEeH0pcqYG45F+B4qhxvty9kyjB+tyaXo=" # what AWS computed, of tests/fixtures/package.zip
    }
  }
}

variables {
  name        = "deals-test-broadcast"
  description = "Who gets this event"
  handler     = "broadcast.handler.handler"
}

run "zip_in_s3_that_is_another_fails_before_the_alias_moves" {
  variables {
    package = {
      s3_bucket = "packages"
      s3_key    = "broadcast.zip"
      sha256    = "0000000000000000000000000000000000000000000000000000000000000001"
    }
  }

  expect_failures = [aws_lambda_function.this]
}

run "zip_in_s3_that_is_the_one_of_the_manifest_is_deployed" {
  variables {
    package = {
      s3_bucket = "packages"
      s3_key    = "broadcast.zip"
      sha256    = "3d491ab727ce0bc744787d2972a606e3917e078aa1c6fb72f64ca307eb72697a"
    }
  }

  assert {
    condition     = aws_lambda_alias.live[0].function_version == "7"
    error_message = "the alias must move to the verified version"
  }
}
