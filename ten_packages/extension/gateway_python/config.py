"""What a person may set about the gateway, in `graphs/gateway.json` or with `stream-talk run` options."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


class AdmissionConfig(BaseModel):
    """When a newcomer is asked to come back later. The limits are about what those already here would feel."""

    model_config = ConfigDict(extra="forbid")

    max_sessions: int = Field(256, ge=1)
    max_loop_lag_ms: float = Field(50.0, gt=0, description="p95 lateness of the event loop over the last seconds")
    max_queue_ms: float = Field(400.0, gt=0, description="how long work waits for the busiest engine")
    max_starting: int = Field(8, ge=1, description="conversations being started at the same time")
    max_single_requests: int = Field(16, ge=1, description="voices and ears at work for single HTTP requests")
    retry_after_ms: int = Field(3000, ge=0)


class GatewayConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8017, ge=0, le=65535)
    warm_up: bool = Field(True, description="load the engines of the default graph at once, and keep them")
    token: str = Field("", repr=False, description="required when the server listens on anything but the loopback")
    allowed_origins: list[str] = Field(
        default_factory=list, description='pages of other servers that may connect; "*" for any'
    )
    tls_certificate: str = ""
    tls_key: str = ""
    tls_self_signed: bool = False

    graphs_dir: str = "graphs"
    graphs: list[str] = Field(
        default_factory=list, description="names of the graphs on offer; empty: all conversations in graphs_dir"
    )
    default_graph: str = "embedded"
    web_dir: str = "apps/web"

    admission: AdmissionConfig = Field(default_factory=lambda: AdmissionConfig())  # type: ignore[call-arg]
    requests_per_s: float = Field(
        100.0, gt=0, description="HTTP requests of one address; bursts of four seconds' worth"
    )
    idle_timeout_ms: int = Field(600_000, ge=1000)
    resume_window_ms: int = Field(30_000, ge=0)
    hello_timeout_ms: int = Field(10_000, ge=100)
    drain_timeout_ms: int = Field(15_000, ge=0)
    send_buffer_bytes: int = Field(2 << 20, ge=65_536)
    lead_ms: int = Field(240, ge=40, le=2000, description="how far a reply is sent ahead of its playing")
    ping_interval_s: float = Field(20.0, gt=0)
    ping_timeout_s: float = Field(
        60.0, gt=0, description="a slow line brings the answer late; only a dead one brings none"
    )

    otlp_endpoint: str = Field(
        "", description="where OpenTelemetry traces go; empty: OTEL_EXPORTER_OTLP_ENDPOINT, or nowhere"
    )

    @property
    def is_exposed(self) -> bool:
        return self.host not in LOOPBACK_HOSTS

    @property
    def uses_tls(self) -> bool:
        return self.tls_self_signed or bool(self.tls_certificate)

    @model_validator(mode="after")
    def _check(self) -> GatewayConfig:
        if self.is_exposed and not self.token:
            raise ValueError(
                f"host {self.host!r} lets other machines in: set `token` (or STREAM_TALK_TOKEN), or use host 127.0.0.1"
            )
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("`tls_certificate` and `tls_key` come together")
        return self
