mock_provider "aws" {
  source = "../../mocks"
}

run "plans_with_ids_and_arns_that_are_made_in_the_same_configuration" {
  command = plan

  module {
    source = "./tests/made_together"
  }
}
