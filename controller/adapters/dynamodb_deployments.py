"""Deployment records on Amazon DynamoDB: status, event and claims change in one transaction or not at all."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from controller.adapters import dynamodb_items as items
from controller.adapters.aws_errors import aws_errors
from controller.adapters.dynamodb_cancelled import cancelled, has_crossed
from controller.core.deployment import STOPPING_MARKS, Deployment, Event, Mark, MarkDetail, Status
from controller.core.errors import ConflictError, MissingError, NotReadyError, UnavailableError
from controller.core.member_record import MemberRecord
from controller.ports import Claim, Live, Newest, Tried

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# botocore repeats neither a plain write nor a transaction that meets another transaction.
_TRIES_BESIDE_TRANSACTIONS = 8


class DynamoDbDeployments:
    """Records, events, claims and memory in one table, through a boto3 DynamoDB client."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = client
        self._table = table_name

    def find(self, deployment_id: str) -> Deployment | None:
        """Return the record, or None."""
        item = self._get(items.record_key(deployment_id))
        return items.deployment_of(item) if item else None

    def open(
        self, deployment: Deployment, event: Event, *, newest: bool = False, waited: Deployment | None = None
    ) -> None:
        """Write a record, its event and the claims of its members at once."""
        record = (
            self._change(waited, deployment, sequence=waited.sequence + 1)
            if waited
            else self._put(items.record_item(deployment), "attribute_not_exists(pk)")
        )
        writes = [record, self._put(items.event_item(event), "attribute_not_exists(pk)")]
        if deployment.status.is_over:
            writes += self._remember(deployment)
        elif deployment.waits_for and deployment.status is Status.PENDING:
            writes.append(self._wait(deployment.waits_for, deployment))
        else:
            writes += [self._claim(member, deployment) for member in deployment.members]
            writes += [self._put(key) for key in _watches(deployment)]
        claimed = {member.function for member in deployment.members}
        if waited and waited.waits_for and waited.waits_for not in claimed | {deployment.waits_for}:
            writes.append(self._wait_no_more(waited.waits_for, waited))
        if newest and deployment.appeared_at:
            writes.append(self._make_newest(deployment, deployment.appeared_at))
        self._transact(writes, deployment)

    def save(self, before: Deployment, after: Deployment, event: Event | None = None) -> Deployment:
        """Write what changed, with its event, if nobody has written since `before`; raises ConflictError."""
        record = self._change(before, after, sequence=before.sequence + (event is not None))
        self._transact([record, self._put(items.event_item(event))] if event else [record], before)
        return after.model_copy(update={"sequence": before.sequence + (event is not None)})

    def close(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write an end, its event, and free the claims, at once; raises ConflictError."""
        if before.status.is_over:
            raise ConflictError(f"deployment {before.deployment_id} has ended already")
        writes = [
            self._change(before, after, sequence=before.sequence + 1, closing=True),
            self._put(items.event_item(event)),
            *self._remember(after),
        ]
        if after.status is Status.PROMOTED:
            versions = {member.function: member.candidate for member in after.members}
            live = {"deployment_id": after.deployment_id, "artifact": after.what, "versions": versions}
            writes.append(self._put(items.live_key(after.target) | live))
        writes += [
            self._update(
                items.claim_key(member.function),
                "REMOVE #owner, execution_arn, claimed_at",
                # A claim that a person has freed is none to lose.
                "(#owner = :owner OR attribute_not_exists(#owner)) AND fencing = :fencing",
                {":owner": before.deployment_id, ":fencing": member.fencing},
                {"#owner": "owner"},
            )
            for member in before.members
        ]
        writes += [
            {"Delete": {"TableName": self._table, "Key": items.to_dynamodb(key)}} for key in _watches(before)
        ]
        if before.status is Status.PENDING and before.waits_for:
            writes.append(self._wait_no_more(before.waits_for, before))
        self._transact(writes, before)
        return after.model_copy(update={"sequence": before.sequence + 1})

    def undo(self, before: Deployment, after: Deployment, event: Event) -> Deployment:
        """Write that a promotion was undone, with its event, at once; raises ConflictError."""
        live = {":artifact": after.baselines, ":versions": {m.function: m.baseline for m in after.members}}
        writes = [
            self._change(before, after, sequence=before.sequence + 1),
            self._put(items.event_item(event)),
            self._update(
                items.live_key(before.target),
                "SET artifact = :artifact, versions = :versions",
                "deployment_id = :id",
                {**live, ":id": before.deployment_id},
                None,
            ),
        ]
        if before.artifact:
            key = items.tried_key(before.target, before.artifact.identity)
            writes.append(self._update(key, "SET refused_by = :id", None, {":id": before.deployment_id}, None))
        self._transact(writes, before)
        return after.model_copy(update={"sequence": before.sequence + 1})

    def register_token(self, deployment_id: str, token: str) -> Deployment:
        """Leave the token of a bake on the record and return all of it, marks included."""
        return self._annotate(deployment_id, "SET #token = :token", {"#token": "token"}, {":token": token})

    def mark(self, deployment_id: str, mark: Mark, detail: MarkDetail) -> Deployment:
        """Leave a mark, unless it is there already, and return all of the record, token included."""
        return self._annotate(
            deployment_id,
            "SET marks.#mark = if_not_exists(marks.#mark, :detail)",
            {"#mark": mark.value},
            {":detail": detail.model_dump(mode="json")},
        )

    def answer(self, deployment_id: str, hook_id: str, detail: MarkDetail) -> Deployment:
        """Leave what a hook says if it was asked last and has said nothing yet; return the record."""
        try:
            return self._annotate(
                deployment_id,
                "SET marks.#mark = :detail",
                {"#mark": Mark.HOOK.value, "#hook": "hook", "#id": "hook_id"},
                {":detail": detail.model_dump(mode="json"), ":id": hook_id},
                "#hook.#id = :id AND (attribute_not_exists(marks.#mark) OR marks.#mark.#id <> :id)",
            )
        except MissingError:
            found = self.find(deployment_id)
            if found is None:
                raise
            return found

    def claim(self, function: str) -> Claim:
        """Return the claim on a function; one that nobody holds has no owner."""
        return items.claim_of(function, self._get(items.claim_key(function)))

    def live(self, target: str) -> Live | None:
        """Return what the target's last completed deployment left, or None."""
        return items.live_of(self._get(items.live_key(target)))

    def newest(self, target: str) -> Newest | None:
        """Return the youngest artifact that a target has deployed, however that ended, or None."""
        return items.newest_of(self._get(items.newest_key(target)))

    def tried(self, target: str, artifact: str) -> Tried:
        """Return what the target remembers of an artifact."""
        return items.tried_of(self._get(items.tried_key(target, artifact)))

    def watching(self, alarm: str) -> list[str]:
        """Return the ids of the live deployments that name an alarm."""
        with aws_errors(f"deployments that watch alarm {alarm}"):
            found = self._query_all(
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=items.to_dynamodb({":pk": items.watch_key(alarm, "")["pk"]}),
                ConsistentRead=True,
            )
        return [item["sk"].removeprefix("deployment#") for item in found]

    def unfinished(self) -> list[Deployment]:
        """Return the deployments that have not ended, the oldest first; may miss the last second."""
        with aws_errors("deployments that have not ended"):
            found = self._query_all(
                IndexName="live",
                KeyConditionExpression="#live = :live",
                ExpressionAttributeNames={"#live": "live"},
                ExpressionAttributeValues=items.to_dynamodb({":live": items.LIVE_INDEX_KEY}),
            )
        return [items.deployment_of(item) for item in found]

    def unsent(self, before: datetime) -> list[Event]:
        """Return the events from before a moment that are still to be sent, the oldest first."""
        with aws_errors("events that are still to be sent"):
            found = self._query_all(
                IndexName="unsent",
                KeyConditionExpression="unsent = :unsent",
                ExpressionAttributeValues=items.to_dynamodb({":unsent": items.UNSENT_INDEX_KEY}),
            )
        events = [items.event_of_item(item) for item in found]
        return sorted((e for e in events if e.at < before), key=lambda e: (e.at, e.sequence))

    def history(self, target: str, limit: int) -> list[Deployment]:
        """Return the latest deployments of a target, the newest first; may miss the last second."""
        with aws_errors(f"history of target {target}"):
            found = self._query_all(  # a page may be full before it has as many
                IndexName="by_target",
                KeyConditionExpression="of_target = :target",
                ExpressionAttributeValues={":target": {"S": target}},
                ScanIndexForward=False,
                PaginationConfig={"MaxItems": limit, "PageSize": limit},
            )
        return [items.deployment_of(item) for item in found]

    def events(self, deployment_id: str) -> list[Event]:
        """Return the events of a deployment, the oldest first."""
        with aws_errors(f"events of deployment {deployment_id}"):
            found = self._query_all(
                KeyConditionExpression="pk = :pk AND begins_with(sk, :event)",
                ExpressionAttributeValues=items.to_dynamodb(
                    {":pk": items.record_key(deployment_id)["pk"], ":event": "event#"}
                ),
                ConsistentRead=True,
            )
        return [items.event_of_item(item) for item in found]

    def sent(self, event: Event) -> None:
        """Take an event off the list of those that are still to be sent."""
        with suppress(ConflictError), aws_errors(f"event {event.event_id}"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=items.to_dynamodb(items.event_key(event)),
                UpdateExpression="REMOVE unsent",
                ConditionExpression="attribute_exists(pk)",  # an update would bring an expired event back
            )

    def _query_all(self, **query: Any) -> list[items.Item]:
        pages = self._dynamodb.get_paginator("query").paginate(TableName=self._table, **query)
        return [items.from_dynamodb(item) for page in pages for item in page["Items"]]

    def _get(self, key: items.Key) -> items.Item:
        with aws_errors(f"reading {key['pk']}"):
            answer = self._dynamodb.get_item(TableName=self._table, Key=items.to_dynamodb(key), ConsistentRead=True)
        return items.from_dynamodb(answer.get("Item"))

    def _annotate(
        self,
        deployment_id: str,
        expression: str,
        names: dict[str, str],
        values: items.Item,
        condition: str = "attribute_exists(pk)",
    ) -> Deployment:
        for last_try in (*(False,) * _TRIES_BESIDE_TRANSACTIONS, True):
            try:
                with aws_errors(f"deployment {deployment_id}", {"TransactionConflictException": NotReadyError}):
                    answer = self._dynamodb.update_item(
                        TableName=self._table,
                        Key=items.to_dynamodb(items.record_key(deployment_id)),
                        UpdateExpression=expression,
                        ConditionExpression=condition,
                        ExpressionAttributeNames=names,
                        ExpressionAttributeValues=items.to_dynamodb(values),
                        ReturnValues="ALL_NEW",
                    )
                return items.deployment_of(items.from_dynamodb(answer["Attributes"]))
            except ConflictError:
                raise MissingError(f"there is no deployment {deployment_id!r}") from None
            except NotReadyError as conflict:  # a transaction is writing the record; it takes milliseconds
                if last_try:
                    raise UnavailableError(str(conflict)) from conflict
        raise AssertionError("unreachable")  # pragma: no cover

    def _change(
        self, before: Deployment, after: Deployment, sequence: int, *, closing: bool = False
    ) -> dict[str, Any]:
        """Return the write of what differs between two states of a record, guarded by the first of them."""
        old = items.record_fields(before)
        fields = {n: v for n, v in items.record_fields(after).items() if v != old[n]} | {"sequence": sequence}
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in fields)
        names = {f"#{name}": name for name in {*fields, "status"}}
        values = {f":{name}": value for name, value in fields.items()}
        values |= {":was_sequence": before.sequence, ":was_status": before.status.value}
        condition = "#sequence = :was_sequence AND #status = :was_status"
        if closing:
            expression += ", expires_at = :expires_at REMOVE #live, #token"
            values[":expires_at"] = items.expires_at(after.ended_at or after.started_at)
            names |= {"#live": "live", "#token": "token"}
        if after.status is Status.PROMOTED:
            condition += "".join(f" AND attribute_not_exists(marks.#{mark.value})" for mark in STOPPING_MARKS)
            names |= {f"#{mark.value}": mark.value for mark in STOPPING_MARKS}
        return self._update(items.record_key(before.deployment_id), expression, condition, values, names)

    def _remember(self, ended: Deployment) -> list[dict[str, Any]]:
        """Return the write that remembers how an artifact fared; none when it was skipped or is a version."""
        if ended.artifact is None or ended.status is Status.SKIPPED:
            return []
        expression = "ADD ended :one"
        values: dict[str, Any] = {":one": 1}
        if ended.refused:
            expression, values = f"SET refused_by = :id {expression}", values | {":id": ended.deployment_id}
        elif ended.status is Status.PROMOTED:
            expression = f"REMOVE refused_by {expression}"
        key = items.tried_key(ended.target, ended.artifact.identity)
        return [self._update(key, expression, None, values, None)]

    def _claim(self, member: MemberRecord, deployment: Deployment) -> dict[str, Any]:
        return self._update(
            items.claim_key(member.function),
            "SET #owner = :owner, execution_arn = :execution, claimed_at = :at, fencing = :fencing "
            "ADD targets :target DELETE waiters :waiter",
            "attribute_not_exists(#owner) AND (fencing = :before OR attribute_not_exists(fencing))",
            {
                ":owner": deployment.deployment_id,
                ":execution": deployment.execution_arn,
                ":at": deployment.started_at.isoformat(),
                ":fencing": member.fencing,
                ":before": member.fencing - 1,
                ":target": frozenset({deployment.target}),
                ":waiter": frozenset({deployment.deployment_id}),
            },
            {"#owner": "owner"},
        )

    def _wait(self, function: str, deployment: Deployment) -> dict[str, Any]:
        waiter = {":waiter": frozenset({deployment.deployment_id})}
        if deployment.is_frozen:  # it waits for the end of a freeze, whoever holds the function
            return self._update(items.claim_key(function), "ADD waiters :waiter", None, waiter, None)
        held = "attribute_exists(#owner)"
        return self._update(items.claim_key(function), "ADD waiters :waiter", held, waiter, {"#owner": "owner"})

    def _wait_no_more(self, function: str, deployment: Deployment) -> dict[str, Any]:
        waiter = {":waiter": frozenset({deployment.deployment_id})}
        return self._update(items.claim_key(function), "DELETE waiters :waiter", None, waiter, None)

    def _make_newest(self, deployment: Deployment, appeared_at: datetime) -> dict[str, Any]:
        return self._update(
            items.newest_key(deployment.target),
            "SET artifact = :artifact, appeared_at = :at",
            "attribute_not_exists(pk) OR appeared_at <= :at",
            {":artifact": deployment.what, ":at": items.sortable(appeared_at)},
            None,
        )

    def _put(self, item: items.Item, condition: str | None = None) -> dict[str, Any]:
        put = {"TableName": self._table, "Item": items.to_dynamodb(item)}
        return {"Put": put | ({"ConditionExpression": condition} if condition else {})}

    def _update(
        self,
        key: items.Key,
        expression: str,
        condition: str | None,
        values: items.Item,
        names: dict[str, str] | None,
    ) -> dict[str, Any]:
        update = {
            "TableName": self._table,
            "Key": items.to_dynamodb(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": items.to_dynamodb(values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if condition:
            update["ConditionExpression"] = condition
        if names:
            update["ExpressionAttributeNames"] = names
        return {"Update": update}

    def _transact(self, writes: list[dict[str, Any]], deployment: Deployment) -> None:
        doing = f"writing deployment {deployment.deployment_id}"
        for last_try in (*(False,) * _TRIES_BESIDE_TRANSACTIONS, True):
            with aws_errors(doing):
                try:
                    self._dynamodb.transact_write_items(TransactItems=writes)  # type: ignore[arg-type]
                    return
                except self._dynamodb.exceptions.TransactionCanceledException as error:
                    if last_try or not has_crossed(error):
                        raise cancelled(error, deployment, doing) from error


def _watches(deployment: Deployment) -> list[items.Key]:
    return [items.watch_key(alarm.name, deployment.deployment_id) for alarm in deployment.alarms]
