"""Calls to Step Functions and SES, and the meaning of their errors."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from shop.kernel.errors import Unavailable
from shop.orders.gateway.mail import RETRYABLE_ERRORS, SesEmailSender
from shop.orders.gateway.workflow import EXPIRED_TOKEN_ERRORS, StepFunctionsWorkflow
from shop.orders.ports import Email

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:order"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:order:ord_1"


@pytest.fixture
def machine() -> tuple[StepFunctionsWorkflow, Stubber]:
    workflow = StepFunctionsWorkflow(MACHINE)
    stubber = Stubber(workflow._client)
    stubber.activate()
    return workflow, stubber


def test_workflow_execution_is_named_after_its_order(machine: Any) -> None:
    workflow, stub = machine
    request = {"stateMachineArn": MACHINE, "name": "ord_1", "input": '{"order_id": "ord_1"}'}
    response = {"executionArn": EXECUTION, "startDate": 0}
    stub.add_response("start_execution", response, request)
    workflow.start("ord_1")
    stub.assert_no_pending_responses()


def test_starting_an_existing_execution_is_ignored(machine: Any) -> None:
    workflow, stub = machine
    stub.add_client_error("start_execution", "ExecutionAlreadyExists")
    workflow.start("ord_1")


def test_other_start_errors_are_raised(machine: Any) -> None:
    workflow, stub = machine
    stub.add_client_error("start_execution", "ExecutionLimitExceeded")
    with pytest.raises(ClientError):
        workflow.start("ord_1")


def test_task_token_is_resumed_and_aborted(machine: Any) -> None:
    workflow, stub = machine
    stub.add_response("send_task_success", {}, {"taskToken": "t", "output": '{"order_id": "o"}'})
    stub.add_response(
        "send_task_failure", {}, {"taskToken": "t", "error": "OrderTerminated", "cause": "why"}
    )
    workflow.resume("t", {"order_id": "o"})
    workflow.abort("t", "OrderTerminated", "why")
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", sorted(EXPIRED_TOKEN_ERRORS))
def test_expired_task_token_is_ignored(machine: Any, code: str) -> None:
    workflow, stub = machine
    stub.add_client_error("send_task_success", code)
    stub.add_client_error("send_task_failure", code)
    workflow.resume("t", {})
    workflow.abort("t", "OrderTerminated", "why")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InvalidOutput"])
def test_other_task_token_errors_are_raised(machine: Any, code: str) -> None:
    workflow, stub = machine
    stub.add_client_error("send_task_success", code)
    with pytest.raises(ClientError):
        workflow.resume("t", {})


def test_long_error_and_cause_are_truncated(machine: Any) -> None:
    workflow, stub = machine
    stub.add_response(
        "send_task_failure", {}, {"taskToken": "t", "error": "E" * 256, "cause": "x" * 32768}
    )
    workflow.abort("t", "E" * 300, "x" * 40_000)
    stub.assert_no_pending_responses()


# Email


@pytest.fixture
def email_sender() -> tuple[SesEmailSender, Stubber]:
    mail = SesEmailSender("shop@shop.test")
    stubber = Stubber(mail._client)
    stubber.activate()
    return mail, stubber


def test_email_is_sent_as_text_and_html(email_sender: Any) -> None:
    mail, stub = email_sender
    content = {
        "Simple": {
            "Subject": {"Data": "Über", "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": "text", "Charset": "UTF-8"},
                "Html": {"Data": "<p>", "Charset": "UTF-8"},
            },
        }
    }
    stub.add_response(
        "send_email",
        {"MessageId": "1"},
        {
            "FromEmailAddress": "shop@shop.test",
            "Destination": {"ToAddresses": ["jane@example.com"]},
            "Content": content,
        },
    )
    mail.send("jane@example.com", Email("Über", "text", "<p>"))
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    "to", ["Jane@bücher.example", "Jane@BU\u0308CHER.example", "Jane@xn--bcher-kva.example"]
)
def test_email_to_an_international_domain_is_sent_in_ascii(email_sender: Any, to: str) -> None:
    mail, stub = email_sender
    recipient = {"ToAddresses": ["Jane@xn--bcher-kva.example"]}
    request = {"FromEmailAddress": "shop@shop.test", "Destination": recipient, "Content": ANY}
    stub.add_response("send_email", {"MessageId": "1"}, request)
    mail.send(to, Email("s", "t", "h"))
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", sorted(RETRYABLE_ERRORS))
def test_retryable_email_error_raises_unavailable(email_sender: Any, code: str) -> None:
    mail, stub = email_sender
    stub.add_client_error("send_email", code)
    with pytest.raises(Unavailable):
        mail.send("jane@example.com", Email("s", "t", "h"))


def test_other_email_errors_are_raised(email_sender: Any) -> None:
    mail, stub = email_sender
    stub.add_client_error("send_email", "MailFromDomainNotVerifiedException")
    with pytest.raises(ClientError):
        mail.send("jane@example.com", Email("s", "t", "h"))
