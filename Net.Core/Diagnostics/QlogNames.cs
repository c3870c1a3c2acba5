using System.Globalization;
using System.Text.Json;
using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Diagnostics;

/// <summary>What qlog calls the things that we have other names for.</summary>
internal static class QlogNames
{
    public static ReadOnlySpan<byte> Of(PacketKind kind) => kind switch
    {
        PacketKind.Initial => "initial"u8,
        PacketKind.ZeroRtt => "0RTT"u8,
        PacketKind.Handshake => "handshake"u8,
        PacketKind.OneRtt => "1RTT"u8,
        PacketKind.Retry => "retry"u8,
        PacketKind.VersionNegotiation => "version_negotiation"u8,
        _ => "unknown"u8,
    };

    public static ReadOnlySpan<byte> Of(PacketFate fate) => fate switch
    {
        PacketFate.Buffered => "keys_unavailable"u8,
        PacketFate.KeyUnavailable => "key_unavailable"u8,
        PacketFate.DecryptionFailure => "decryption_failure"u8,
        PacketFate.Duplicate => "duplicate"u8,
        PacketFate.Invalid => "invalid"u8,
        PacketFate.Unsupported => "unsupported"u8,
        _ => "rejected"u8,
    };

    /// <summary>How a packet of a number space is typed: of lost packets no more is remembered.</summary>
    public static ReadOnlySpan<byte> Of(PacketNumberSpace space) => space switch
    {
        PacketNumberSpace.Initial => "initial"u8,
        PacketNumberSpace.Handshake => "handshake"u8,
        _ => "1RTT"u8,
    };

    public static ReadOnlySpan<byte> Of(EarlyDataState state) => state switch
    {
        EarlyDataState.Offered => "offered"u8,
        EarlyDataState.Accepted => "accepted"u8,
        EarlyDataState.Rejected => "rejected"u8,
        _ => "none"u8,
    };

    public static ReadOnlySpan<byte> Of(OwnershipStep step) => step switch
    {
        OwnershipStep.Frozen => "continuum:frozen"u8,
        OwnershipStep.Exported => "continuum:exported"u8,
        OwnershipStep.Thawed => "continuum:thawed"u8,
        OwnershipStep.Imported => "continuum:imported"u8,
        OwnershipStep.Resumed => "continuum:resumed"u8,
        _ => "continuum:destroyed"u8,
    };

    public static ReadOnlySpan<byte> Of(CipherSuite suite) => suite switch
    {
        CipherSuite.Aes128GcmSha256 => "AES_128_GCM_SHA256"u8,
        CipherSuite.Aes256GcmSha384 => "AES_256_GCM_SHA384"u8,
        _ => "CHACHA20_POLY1305_SHA256"u8,
    };

    public static string OfVersion(uint version) => version.ToString("x8", CultureInfo.InvariantCulture);

    public static void WriteApplicationError(Utf8JsonWriter json, ReadOnlySpan<byte> field, ulong code)
    {
        json.WriteString(field, "unknown"u8);
        json.WriteNumber("error_code"u8, code);
    }

    public static void WriteTransportError(Utf8JsonWriter json, ReadOnlySpan<byte> field, ulong code)
    {
        if (code is >= (ulong)TransportErrorCode.CryptoError and <= (ulong)TransportErrorCode.CryptoError + byte.MaxValue)
        {
            json.WriteString(field, $"crypto_error_0x{code:x3}");
            return;
        }

        ReadOnlySpan<byte> name = OfTransportError(code);
        json.WriteString(field, name.IsEmpty ? "unknown"u8 : name);
        if (name.IsEmpty)
        {
            json.WriteNumber("error_code"u8, code);
        }
    }

    private static ReadOnlySpan<byte> OfTransportError(ulong code) => (TransportErrorCode)code switch
    {
        TransportErrorCode.NoError => "no_error"u8,
        TransportErrorCode.InternalError => "internal_error"u8,
        TransportErrorCode.ConnectionRefused => "connection_refused"u8,
        TransportErrorCode.FlowControlError => "flow_control_error"u8,
        TransportErrorCode.StreamLimitError => "stream_limit_error"u8,
        TransportErrorCode.StreamStateError => "stream_state_error"u8,
        TransportErrorCode.FinalSizeError => "final_size_error"u8,
        TransportErrorCode.FrameEncodingError => "frame_encoding_error"u8,
        TransportErrorCode.TransportParameterError => "transport_parameter_error"u8,
        TransportErrorCode.ConnectionIdLimitError => "connection_id_limit_error"u8,
        TransportErrorCode.ProtocolViolation => "protocol_violation"u8,
        TransportErrorCode.InvalidToken => "invalid_token"u8,
        TransportErrorCode.ApplicationError => "application_error"u8,
        TransportErrorCode.CryptoBufferExceeded => "crypto_buffer_exceeded"u8,
        TransportErrorCode.KeyUpdateError => "key_update_error"u8,
        TransportErrorCode.AeadLimitReached => "aead_limit_reached"u8,
        TransportErrorCode.NoViablePath => "no_viable_path"u8,
        _ => default,
    };
}
