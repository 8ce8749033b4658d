"""Servicers of the contracts for fakes that answer only some of their calls.

What a fake does not write is the generated answer, UNIMPLEMENTED. The product's own servicers derive from the
contracts themselves, whose types demand every call.
"""

from ultrathink.claims.v1 import claims_pb2_grpc
from ultrathink.scoring.v1 import scoring_pb2_grpc
from ultrathink.storage.v1 import storage_pb2_grpc


class Intake(claims_pb2_grpc.ClaimIntakeServicer):
    """Takes claims, where a fake says how."""

    Submit = claims_pb2_grpc.ClaimIntakeServicer.Submit
    SubmitClaim = claims_pb2_grpc.ClaimIntakeServicer.SubmitClaim
    Check = claims_pb2_grpc.ClaimIntakeServicer.Check
    SubmitFile = claims_pb2_grpc.ClaimIntakeServicer.SubmitFile
    StreamFile = claims_pb2_grpc.ClaimIntakeServicer.StreamFile


class Scorer(scoring_pb2_grpc.ScorerServicer):
    """Scores, where a fake says how."""

    Score = scoring_pb2_grpc.ScorerServicer.Score
    ScoreStream = scoring_pb2_grpc.ScorerServicer.ScoreStream
    Explain = scoring_pb2_grpc.ScorerServicer.Explain
    GetModel = scoring_pb2_grpc.ScorerServicer.GetModel
    Complete = scoring_pb2_grpc.ScorerServicer.Complete
    CompareArms = scoring_pb2_grpc.ScorerServicer.CompareArms
    PromoteArm = scoring_pb2_grpc.ScorerServicer.PromoteArm
    RollBack = scoring_pb2_grpc.ScorerServicer.RollBack


class Store(storage_pb2_grpc.ClaimStoreServicer):
    """Records, where a fake says how."""

    Record = storage_pb2_grpc.ClaimStoreServicer.Record
    RecordBatch = storage_pb2_grpc.ClaimStoreServicer.RecordBatch
    Lookup = storage_pb2_grpc.ClaimStoreServicer.Lookup
    LookupBatch = storage_pb2_grpc.ClaimStoreServicer.LookupBatch
    RecordChange = storage_pb2_grpc.ClaimStoreServicer.RecordChange
    RecordOutcomes = storage_pb2_grpc.ClaimStoreServicer.RecordOutcomes
    ListUnscored = storage_pb2_grpc.ClaimStoreServicer.ListUnscored


class Reader(storage_pb2_grpc.ClaimReaderServicer):
    """Reads, where a fake says how."""

    GetTenant = storage_pb2_grpc.ClaimReaderServicer.GetTenant
    GetClaim = storage_pb2_grpc.ClaimReaderServicer.GetClaim
    ListClaims = storage_pb2_grpc.ClaimReaderServicer.ListClaims
    FindClaims = storage_pb2_grpc.ClaimReaderServicer.FindClaims
    GetHistory = storage_pb2_grpc.ClaimReaderServicer.GetHistory
    Watch = storage_pb2_grpc.ClaimReaderServicer.Watch
    Export = storage_pb2_grpc.ClaimReaderServicer.Export
    ReadClaims = storage_pb2_grpc.ClaimReaderServicer.ReadClaims


class Audit(storage_pb2_grpc.AuditLogServicer):
    """Walks and appends to the audit log, where a fake says how."""

    Verify = storage_pb2_grpc.AuditLogServicer.Verify
    Append = storage_pb2_grpc.AuditLogServicer.Append
