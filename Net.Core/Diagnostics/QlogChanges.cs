using System.Net;
using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Diagnostics;

/// <summary>Writes as events in what two views of a connection differ.</summary>
internal sealed class QlogChanges
{
    private readonly QlogWriter _writer;
    private string _state;
    private string _congestion = "";
    private int _tuples;

    /// <summary>Writes what is known from the start.</summary>
    public QlogChanges(QlogWriter writer, in ConnectionView view, Instant now)
    {
        _writer = writer;
        _state = StateOf(view);
        Utf8JsonWriter json = writer.Begin("quic:connection_started"u8, now);
        WriteTuple(json, "local"u8, view.Path.Local, default);
        WriteTuple(json, "remote"u8, view.Path.Remote, view.PeerId);
        writer.End();
        WriteTuple(view.Path, now);
        json = writer.Begin("quic:version_information"u8, now);
        json.WriteString("chosen_version"u8, QlogNames.OfVersion(view.Version));
        writer.End();
        WriteState(null, now);
        QlogParameters.Write(writer, view.Local, isLocal: true, ofServer: view.IsServer, session: null, now);
        WriteRecoveryParameters(view.Recovery, now);
        WriteCongestion(default, view.Recovery, now);
        if (view.Peer is TransportParameters peer)
        {
            QlogParameters.Write(writer, peer, isLocal: false, ofServer: !view.IsServer, view.Session, now);
        }
    }

    public void Write(in ConnectionView old, in ConnectionView view, Instant now)
    {
        if (view.Version != old.Version)
        {
            Utf8JsonWriter json = _writer.Begin("quic:version_information"u8, now);
            json.WriteString("chosen_version"u8, QlogNames.OfVersion(view.Version));
            _writer.End();
        }

        if (view.Peer is TransportParameters peer && old.Peer is null)
        {
            QlogParameters.Write(_writer, peer, isLocal: false, ofServer: !view.IsServer, session: null, now);
        }

        WriteKeys(old, view, now);
        if (view.Session is not null && old.Session is null)
        {
            QlogParameters.WriteSession(_writer, view.Session, now);
        }

        if (view.EarlyData != old.EarlyData)
        {
            Utf8JsonWriter json = _writer.Begin("continuum:early_data_updated"u8, now);
            json.WriteString("old"u8, QlogNames.Of(old.EarlyData));
            json.WriteString("new"u8, QlogNames.Of(view.EarlyData));
            _writer.End();
        }

        string state = StateOf(view);
        if (state != _state)
        {
            string before = _state;
            _state = state;
            WriteState(before, now);
        }

        WritePath(old, view, now);
        if (view.Recovery != old.Recovery)
        {
            WriteMetrics(old.Recovery, view.Recovery, now);
            WriteCongestion(old.Recovery, view.Recovery, now);
        }

        if (view.Reason is CloseReason reason && old.Reason is null)
        {
            WriteClosed(reason, now);
        }
    }

    /// <summary>A connection's state in the words of qlog.</summary>
    private static string StateOf(in ConnectionView view) => view.State switch
    {
        ConnectionState.Closing => "closing",
        ConnectionState.Draining => "draining",
        ConnectionState.Closed => "closed",
        _ when view.IsConfirmed => "handshake_confirmed",
        _ when view.Session is not null => "handshake_complete",
        _ when view.HasHandshakeKeys => "handshake_started",
        _ => "attempted",
    };

    private void WriteState(string? old, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:connection_state_updated"u8, now);
        if (old is not null)
        {
            json.WriteString("old"u8, old);
        }

        json.WriteString("new"u8, _state);
        _writer.End();
    }

    private void WriteKeys(in ConnectionView old, in ConnectionView view, Instant now)
    {
        WriteKeys("initial_secret", old.HasInitialKeys, view.HasInitialKeys, now);
        WriteKeys("0rtt_secret", old.HasZeroRttKeys, view.HasZeroRttKeys, now);
        WriteKeys("handshake_secret", old.HasHandshakeKeys, view.HasHandshakeKeys, now);
        WriteKeys("1rtt_secret", old.HasOneRttKeys, view.HasOneRttKeys, now);
        bool peerFirst = view.ReadGeneration > old.ReadGeneration && view.ReadGeneration > old.WriteGeneration;
        WriteGeneration(ofClient: !view.IsServer, old.WriteGeneration, view.WriteGeneration, peerFirst, now);
        WriteGeneration(ofClient: view.IsServer, old.ReadGeneration, view.ReadGeneration, peerFirst, now);
    }

    private void WriteKeys(string type, bool had, bool has, Instant now)
    {
        if (had == has)
        {
            return;
        }

        foreach (string end in (ReadOnlySpan<string>)(type == "0rtt_secret" ? ["client"] : ["client", "server"]))
        {
            Utf8JsonWriter json = _writer.Begin(has ? "quic:key_updated"u8 : "quic:key_discarded"u8, now);
            json.WriteString("key_type"u8, $"{end}_{type}");
            json.WriteString("trigger"u8, "tls"u8);
            _writer.End();
        }
    }

    /// <param name="peerFirst">The update is the peer's: ours follows it (RFC 9001, section 6.1).</param>
    private void WriteGeneration(bool ofClient, ulong old, ulong generation, bool peerFirst, Instant now)
    {
        if (generation != old)
        {
            Utf8JsonWriter json = _writer.Begin("quic:key_updated"u8, now);
            json.WriteString("key_type"u8, ofClient ? "client_1rtt_secret"u8 : "server_1rtt_secret"u8);
            json.WriteNumber("key_phase"u8, generation);
            json.WriteString("trigger"u8, peerFirst ? "remote_update"u8 : "local_update"u8);
            _writer.End();
        }
    }

    private void WritePath(in ConnectionView old, in ConnectionView view, Instant now)
    {
        if (view.PeerId != old.PeerId)
        {
            Utf8JsonWriter json = _writer.Begin("quic:connection_id_updated"u8, now);
            json.WriteString("initiator"u8, "remote"u8);
            json.WriteString("old"u8, old.PeerId.ToString());
            json.WriteString("new"u8, view.PeerId.ToString());
            _writer.End();
        }

        if (view.Path != old.Path)
        {
            WriteTuple(view.Path, now);
            WriteMigration("migration_started", view.Path, now);
        }

        if (view.IsPathProven && (view.Path != old.Path || !old.IsPathProven) && _tuples > 1)
        {
            WriteMigration("migration_complete", view.Path, now);
        }

        if (view.Recovery.DatagramSize != old.Recovery.DatagramSize)
        {
            Utf8JsonWriter json = _writer.Begin("quic:mtu_updated"u8, now);
            json.WriteNumber("old"u8, old.Recovery.DatagramSize);
            json.WriteNumber("new"u8, view.Recovery.DatagramSize);
            _writer.End();
        }
    }

    private void WriteMigration(string state, in NetworkPath path, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:migration_state_updated"u8, now);
        json.WriteString("new"u8, state);
        json.WriteString("tuple_id"u8, TupleId());
        WriteTuple(json, "tuple_remote"u8, path.Remote, default);
        WriteTuple(json, "tuple_local"u8, path.Local, default);
        _writer.End();
    }

    private void WriteTuple(in NetworkPath path, Instant now)
    {
        _tuples++;
        Utf8JsonWriter json = _writer.Begin("quic:tuple_assigned"u8, now);
        json.WriteString("tuple_id"u8, TupleId());
        WriteTuple(json, "tuple_remote"u8, path.Remote, default);
        WriteTuple(json, "tuple_local"u8, path.Local, default);
        _writer.End();
    }

    private string TupleId() => _tuples.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static void WriteTuple(Utf8JsonWriter json, ReadOnlySpan<byte> field, UdpAddress address, ConnectionId id)
    {
        json.WriteStartObject(field);
        if (!address.IsNone)
        {
            IPEndPoint endPoint = address.ToEndPoint();
            json.WriteString(address.IsIPv6 ? "ip_v6"u8 : "ip_v4"u8, endPoint.Address.ToString());
            json.WriteNumber(address.IsIPv6 ? "port_v6"u8 : "port_v4"u8, endPoint.Port);
        }

        if (id.Length > 0)
        {
            json.WriteStartArray("connection_ids"u8);
            json.WriteStringValue(id.ToString());
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private void WriteRecoveryParameters(in RecoveryView recovery, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:recovery_parameters_set"u8, now);
        json.WriteNumber("reordering_threshold"u8, LossDetector.PacketThreshold);
        json.WriteNumber("timer_granularity"u8, (int)RttEstimator.Granularity.TotalMilliseconds);
        json.WriteNumber("initial_rtt"u8, QlogWriter.Milliseconds(RttEstimator.Initial));
        json.WriteNumber("max_datagram_size"u8, recovery.DatagramSize);
        json.WriteNumber("initial_congestion_window"u8, recovery.Window);
        json.WriteNumber("persistent_congestion_threshold"u8, CongestionController.PersistentCongestionThreshold);
        json.WriteString("congestion_control"u8, recovery.Algorithm == CongestionAlgorithm.Cubic ? "cubic"u8 : "newreno"u8);
        _writer.End();
    }

    private void WriteMetrics(in RecoveryView old, in RecoveryView view, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:recovery_metrics_updated"u8, now);
        WriteSpan(json, "min_rtt"u8, old.MinRtt, view.MinRtt);
        WriteSpan(json, "smoothed_rtt"u8, old.SmoothedRtt, view.SmoothedRtt);
        WriteSpan(json, "latest_rtt"u8, old.LatestRtt, view.LatestRtt);
        WriteSpan(json, "rtt_variance"u8, old.RttVariation, view.RttVariation);
        WriteNumber(json, "pto_count"u8, old.PtoCount, view.PtoCount);
        WriteNumber(json, "congestion_window"u8, old.Window, view.Window);
        WriteNumber(json, "bytes_in_flight"u8, old.BytesInFlight, view.BytesInFlight);
        if (view.SlowStartThreshold is int threshold && threshold != old.SlowStartThreshold)
        {
            json.WriteNumber("ssthresh"u8, threshold);
        }

        _writer.End();
    }

    private void WriteCongestion(in RecoveryView old, in RecoveryView view, Instant now)
    {
        bool isReduced = view.RecoveryStart != old.RecoveryStart && !view.RecoveryStart.IsNever && _congestion.Length > 0;
        string state = isReduced ? "recovery"
            : view.IsInSlowStart ? "slow_start"
            : _congestion == "recovery" && view.Window <= old.Window ? "recovery"
            : "congestion_avoidance";
        if (state == _congestion && !isReduced)
        {
            return;
        }

        Utf8JsonWriter json = _writer.Begin("quic:congestion_state_updated"u8, now);
        if (_congestion.Length > 0)
        {
            json.WriteString("old"u8, _congestion);
        }

        json.WriteString("new"u8, state);
        _writer.End();
        _congestion = state;
    }

    private void WriteClosed(in CloseReason reason, Instant now)
    {
        Utf8JsonWriter json = _writer.Begin("quic:connection_closed"u8, now);
        bool isPeer = reason.Origin is CloseOrigin.PeerApplication or CloseOrigin.PeerTransport or CloseOrigin.StatelessReset or CloseOrigin.VersionNegotiation;
        json.WriteString("initiator"u8, isPeer ? "remote"u8 : "local"u8);
        switch (reason.Origin)
        {
            case CloseOrigin.LocalApplication or CloseOrigin.PeerApplication:
                QlogNames.WriteApplicationError(json, "application_error"u8, reason.Code);
                break;
            case CloseOrigin.LocalTransport or CloseOrigin.PeerTransport:
                QlogNames.WriteTransportError(json, "connection_error"u8, reason.Code);
                break;
        }

        json.WriteString("reason"u8, reason.Reason);
        json.WriteString("trigger"u8, reason.Origin switch
        {
            CloseOrigin.LocalApplication or CloseOrigin.PeerApplication => "application"u8,
            CloseOrigin.LocalTransport or CloseOrigin.PeerTransport => reason.Code == (ulong)TransportErrorCode.NoError ? "unspecified"u8 : "error"u8,
            CloseOrigin.IdleTimeout => "idle_timeout"u8,
            CloseOrigin.StatelessReset => "stateless_reset"u8,
            CloseOrigin.VersionNegotiation => "version_mismatch"u8,
            _ => "aborted"u8,
        });
        _writer.End();
    }

    private static void WriteSpan(Utf8JsonWriter json, ReadOnlySpan<byte> field, TimeSpan old, TimeSpan span)
    {
        if (span != old)
        {
            json.WriteNumber(field, QlogWriter.Milliseconds(span));
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, ReadOnlySpan<byte> field, long old, long number)
    {
        if (number != old)
        {
            json.WriteNumber(field, number);
        }
    }
}
