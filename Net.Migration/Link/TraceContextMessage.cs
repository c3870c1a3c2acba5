using System.Diagnostics;
using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>The trace that a move belongs to at its source (W3C Trace Context), said before <see cref="PrepareMessage"/>. Only for who traces: it may be skipped.</summary>
/// <param name="Attempt">Random number of the attempt.</param>
/// <param name="Parent">As in the field <c>traceparent</c>.</param>
/// <param name="State">As in the field <c>tracestate</c>; empty: none.</param>
internal sealed record TraceContextMessage(ulong Attempt, string Parent, string State) : HandOverMessage(Attempt)
{
    /// <summary>Octets of each of the two; a state of 512 is what everybody has to pass on.</summary>
    public const int MaxText = 512;

    public override MessageType Type => MessageType.TraceContext;

    /// <summary>Default when the two make none: a trace is no reason to refuse a move.</summary>
    public ActivityContext Context => ActivityContext.TryParse(Parent, State, isRemote: true, out ActivityContext context) ? context : default;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt64(Attempt);
        writer.WriteString(Parent);
        writer.WriteString(State.Length <= MaxText ? State : "");
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        bool complete = reader.TryReadUInt64(out ulong attempt) & reader.TryReadString(MaxText, out string parent) & reader.TryReadString(MaxText, out string state);
        message = complete ? new TraceContextMessage(attempt, parent, state) : null;
        return complete;
    }
}
