using Net.Core.Wire;

namespace Net.Core.Errors;

/// <summary>What a peer did wrong, as it will be told in CONNECTION_CLOSE (RFC 9000, sections 19.19 and 20.1).</summary>
/// <remarks>Frame handlers return this: a peer must never be able to make us throw. The default value means "no error".</remarks>
public readonly record struct TransportError
{
    private readonly ulong _frame;

    private TransportError(TransportErrorCode code, ulong frame, string reason)
    {
        Code = code;
        _frame = frame;
        Reason = reason;
        IsError = true;
    }

    /// <summary>No error.</summary>
    public static TransportError None => default;

    /// <summary>Whether this is an error at all; <see cref="TransportErrorCode.NoError"/> can be one, as the code of a wanted close.</summary>
    public bool IsError { get; }

    /// <summary>The code on the wire.</summary>
    public TransportErrorCode Code { get; }

    /// <summary>The type of the frame that was at fault; 0 when it is not known.</summary>
    public ulong Frame => _frame;

    /// <summary>A constant, never built from the peer's input: it goes back over the wire and into our logs.</summary>
    public string Reason => field ?? "";

    /// <inheritdoc/>
    public override string ToString() => IsError ? $"{Code} ({Reason})" : "none";

    internal static TransportError Of(TransportErrorCode code, string reason, FrameType frame = FrameType.Padding) =>
        new(code, (ulong)frame, reason);

    internal static TransportError FlowControl(FrameType frame) =>
        new(TransportErrorCode.FlowControlError, (ulong)frame, "more data than was allowed");

    internal static TransportError FinalSize(FrameType frame) =>
        new(TransportErrorCode.FinalSizeError, (ulong)frame, "the final size contradicts what came before");

    internal static TransportError StreamState(FrameType frame) =>
        new(TransportErrorCode.StreamStateError, (ulong)frame, "the stream's state does not permit this frame");

    internal static TransportError StreamLimit(FrameType frame) =>
        new(TransportErrorCode.StreamLimitError, (ulong)frame, "more streams than were allowed");

    internal static TransportError FrameEncoding(ulong frame) =>
        new(TransportErrorCode.FrameEncodingError, frame, "a frame does not parse");

    internal static TransportError ProtocolViolation(string reason, FrameType frame = FrameType.Padding) =>
        new(TransportErrorCode.ProtocolViolation, (ulong)frame, reason);

    internal static TransportError Internal(string reason) =>
        new(TransportErrorCode.InternalError, 0, reason);

    /// <summary>A TLS alert (RFC 8446, section 6) as CRYPTO_ERROR (RFC 9001, section 4.8).</summary>
    internal static TransportError Alert(byte alert, string reason) =>
        new((TransportErrorCode)((ulong)TransportErrorCode.CryptoError + alert), (ulong)FrameType.Crypto, reason);
}
