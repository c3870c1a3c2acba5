using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>All that a handler on another node needs to go on with an exchange.</summary>
internal sealed class ExchangeState(StreamId id, RequestHead head) : IPart<ExchangeState>
{
    private byte[] _saved = [];
    private int _savedLength;

    public static ulong Section => SectionNumber.Http3Exchange;

    public StreamId Id => id;

    public RequestHead Head => head;

    public ulong Changes { get; private set; }

    /// <summary>A handler has run: the next one resumes.</summary>
    public bool HasRun { get; private set; }

    /// <summary>This state came from another node, where a handler had run.</summary>
    public bool IsResumed { get; private init; }

    public long RequestOffset { get; private set; }

    public long ResponseOffset { get; private set; }

    /// <summary>0 until the final head was sent.</summary>
    public int ResponseStatus { get; private set; }

    public bool HasResponded => ResponseStatus != 0;

    /// <summary>When the delay that the handler is in ends; <see cref="Instant.Never"/> outside of one.</summary>
    public Instant DelayUntil { get; private set; } = Instant.Never;

    /// <summary>Bytes that were read and that the handler has not consumed: they are among <see cref="RequestOffset"/>, and the next handler gets them first.</summary>
    public ReadOnlyMemory<byte> Unread { get; private set; }

    /// <summary>Interim responses that were sent.</summary>
    public int Interim { get; private set; }

    /// <summary>100 (Continue) was sent.</summary>
    public bool HasContinued { get; private set; }

    /// <summary>What stood behind the request's body; <c>null</c> until it has come.</summary>
    public FieldSection? RequestTrailers { get; private set; }

    /// <summary>What is to stand behind the response's body.</summary>
    public FieldSection? ResponseTrailers { get; private set; }

    /// <summary>What is sent of them: heads of these kinds end a response (RFC 9110, sections 9.3.2, 15.3.5 and 15.4.5).</summary>
    public FieldSection? TrailersToSend => DiscardsBody || ResponseHead.HasNoBody(ResponseStatus) ? null : ResponseTrailers;

    /// <summary>The client may be waiting for 100 (Continue), which is of no use once content has come.</summary>
    public bool AwaitsContinue => Head.ExpectsContinue && !HasContinued && !HasResponded && RequestOffset == 0;

    public ReadOnlyMemory<byte> SavedState => _saved.AsMemory(0, _savedLength);

    /// <summary>The response carries no body bytes, whatever the handler writes.</summary>
    public bool DiscardsBody => Head.IsHead;

    public void OnStarted() => Change(HasRun = true);

    public void OnRead(int count) => Change(RequestOffset += count);

    public void OnWritten(int count) => Change(ResponseOffset += count);

    public void OnResponded(int status) => Change(ResponseStatus = status);

    public void OnInterim(int status)
    {
        HasContinued |= status == 100;
        Change(Interim++);
    }

    public void OnTrailers(FieldSection trailers) => Change(RequestTrailers = trailers);

    /// <param name="trailers">Stay as they are.</param>
    public void SetTrailers(FieldSection trailers) => Change(ResponseTrailers = trailers);

    /// <summary>What the client has said stays said, when the rest goes back to an earlier state.</summary>
    public void KeepTrailersOf(ExchangeState later) => Change(RequestTrailers ??= later.RequestTrailers);

    public void OnDelay(Instant until) => Change(DelayUntil = until);

    /// <param name="bytes">Stay as they are until the next call.</param>
    public void KeepUnread(ReadOnlyMemory<byte> bytes) => Change(Unread = bytes);

    public void Save(ReadOnlySpan<byte> state)
    {
        if (_saved.Length < state.Length)
        {
            _saved = new byte[state.Length];
        }

        state.CopyTo(_saved);
        _savedLength = state.Length;
        Changes++;
    }

    /// <summary>Nothing has gone either way since the other was written down, so the client has seen nothing of what came after it.</summary>
    public bool HasProgressOf(ExchangeState other) => RequestOffset == other.RequestOffset && ResponseOffset == other.ResponseOffset
        && ResponseStatus == other.ResponseStatus && Interim == other.Interim;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Id.Value);
        Head.Export(writer);
        writer.WriteBool(HasRun);
        writer.WriteSigned(RequestOffset);
        writer.WriteSigned(ResponseOffset);
        writer.WriteNumber((ulong)ResponseStatus);
        writer.WriteInstant(DelayUntil);
        writer.WriteBytes(SavedState.Span);
        writer.WriteBytes(Unread.Span);
        writer.WriteNumber((ulong)Interim);
        writer.WriteBool(HasContinued);
        ExportTrailers(writer, RequestTrailers);
        ExportTrailers(writer, ResponseTrailers);
    }

    public static ExchangeState Import(SnapshotReader reader)
    {
        StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
        RequestHead head = RequestHead.Import(reader);
        bool hasRun = reader.ReadBool();
        ExchangeState state = new(id, head)
        {
            HasRun = hasRun,
            IsResumed = hasRun,
            RequestOffset = reader.ReadSigned(),
            ResponseOffset = reader.ReadSigned(),
            ResponseStatus = (int)reader.ReadNumber(999),
            DelayUntil = reader.ReadInstant(),
        };
        state.Save(reader.ReadBytes().Span);
        state.Unread = reader.ReadBytes().ToArray();
        state.Interim = (int)reader.ReadNumber(Http3Limits.MaxInterimResponses);
        state.HasContinued = reader.ReadBool();
        state.RequestTrailers = ImportTrailers(reader);
        state.ResponseTrailers = ImportTrailers(reader);
        reader.End();
        bool sound = id.IsBidirectional && !id.IsServerInitiated && state.RequestOffset >= 0 && state.ResponseOffset >= 0
            && state.ResponseStatus is 0 or >= 200
            && (state.ResponseStatus != 0 || state.ResponseOffset == 0)
            && (state.Interim > 0 || !state.HasContinued)
            && (hasRun || (state.RequestTrailers is null && state.ResponseTrailers is null && state.Interim == 0))
            && (hasRun || (state.RequestOffset == 0 && state.ResponseStatus == 0 && state._savedLength == 0 && state.DelayUntil.IsNever))
            && state.Unread.Length <= Http3Limits.MaxSavedState && state.Unread.Length <= state.RequestOffset
            && state._savedLength <= Http3Limits.MaxSavedState;
        return sound ? state : throw new SnapshotException("an exchange contradicts itself");
    }

    private static void ExportTrailers(SnapshotWriter writer, FieldSection? trailers)
    {
        writer.WriteBool(trailers is not null);
        trailers?.Export(writer);
    }

    private static FieldSection? ImportTrailers(SnapshotReader reader)
    {
        FieldSection? trailers = reader.ReadBool() ? FieldSection.Import(reader) : null;
        return trailers is null || (!FieldRules.CheckTrailers(trailers).IsError && trailers.Size <= Http3Limits.MaxFieldSectionSize)
            ? trailers
            : throw new SnapshotException("an exchange has trailers that nobody may send");
    }

    private void Change<T>(T value)
    {
        _ = value;
        Changes++;
    }
}
