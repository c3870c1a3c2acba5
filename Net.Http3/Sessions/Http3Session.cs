using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Qpack;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>
/// HTTP/3 on one connection, either role. In: what the transport's streams report (<see cref="OnReadable"/> and its neighbours), and
/// the host's reads and writes. Out: bytes into the transport, and events (<see cref="TryTakeEvent"/>), which the host takes after
/// every call. Runs on its connection's thread; pure, so that the same calls give the same bytes.
/// </summary>
/// <remarks>All that it remembers is in parts: <see cref="SessionSnapshot"/> writes them down and builds a session from them.</remarks>
internal sealed class Http3Session
{
    private readonly IStreamTransport _transport;
    private readonly Queue<Http3Event> _events = new();

    public Http3Session(IStreamTransport transport)
        : this(transport, QpackOptions.Default) { }

    public Http3Session(IStreamTransport transport, QpackOptions qpack)
        : this(transport, new(transport.IsServer), new(qpack.EncoderTableCapacity), new(qpack.DecoderTableCapacity, qpack.BlockedStreams), new(), [], []) { }

    internal Http3Session(
        IStreamTransport transport, ConnectionState state, QpackEncoder encoder, QpackDecoder decoder, Priorities priorities,
        Dictionary<StreamId, UnidirectionalStream> streams, Dictionary<StreamId, RequestStream> requests)
    {
        _transport = transport;
        State = state;
        Encoder = encoder;
        (Decoder, Priorities) = (decoder, priorities);
        (Streams, Requests) = (streams, requests);
    }

    public ConnectionState State { get; }

    public QpackEncoder Encoder { get; }

    public QpackDecoder Decoder { get; }

    public Priorities Priorities { get; }

    public Dictionary<StreamId, UnidirectionalStream> Streams { get; }

    public Dictionary<StreamId, RequestStream> Requests { get; }

    public bool HasEvents => _events.Count > 0;

    /// <summary>
    /// The date of responses that have none, as RFC 9110, section 6.6.1 asks of a server with a clock; <c>null</c>: there is no clock. It only
    /// describes the moment, so the next host of the session brings its own.
    /// </summary>
    public Func<string>? Date { get; set; }

    /// <summary>
    /// Sends what peers have to ignore; <c>null</c>: nothing of the kind. Like <see cref="Date"/>, the next host's business, which has the same seed if any.
    /// </summary>
    public Grease? Grease { get; set; }

    /// <summary>Why the connection was closed by us; nothing happens any more then.</summary>
    public Http3Error Error { get; private set; }

    /// <summary>A GOAWAY was sent, and all requests before it are over: the connection may be closed with H3_NO_ERROR.</summary>
    public bool IsDrained => State.GoAwaySent is not null && Requests.Count == 0 && State.ControlPending.Length == 0;

    private bool IsServer => State.IsServer;

    /// <summary>Opens the control stream and sends SETTINGS. Call once the connection can send.</summary>
    public void Start()
    {
        LocalControl.Open(State, _transport, Decoder.Announce(Http3Settings.Ours), Grease);
        FlushQpack();
    }

    /// <summary>Looks at every stream again: after an import, whose events were not carried along.</summary>
    public void Resume()
    {
        Start();
        foreach (StreamId id in Streams.Keys.Concat(Requests.Keys).Order().ToArray())
        {
            OnReadable(id);
            OnWritable(id);
        }

        LocalControl.Flush(State, _transport);
    }

    public bool TryTakeEvent(out Http3Event e) => _events.TryDequeue(out e);

    /// <summary>Bytes or a FIN arrived, on a stream that may be new.</summary>
    public void OnReadable(StreamId id)
    {
        if (Error.IsError || !Admit(id))
        {
            return;
        }

        if (id.IsUnidirectional)
        {
            if (Streams.TryGetValue(id, out UnidirectionalStream? stream))
            {
                ulong? goAway = State.GoAwayReceived;
                Http3Error error = stream.Receive(_transport, State, Encoder, Decoder, Priorities);
                if (error.IsError)
                {
                    Close(error);
                    return;
                }

                if (!stream.IsCritical && _transport.ReadState(id) != StreamEnd.Open)
                {
                    Streams.Remove(id);
                }

                OnTables();
                Priorities.Apply(Requests, State.NextRequest, _transport);
                if (State.GoAwayReceived != goAway)
                {
                    _events.Enqueue(new(Http3EventKind.GoAway, new(State.GoAwayReceived!.Value)));
                }
            }
        }
        else if (Requests.TryGetValue(id, out RequestStream? request))
        {
            ReadHead(request);
            FlushQpack();
        }
    }

    /// <summary>The transport has room again.</summary>
    public void OnWritable(StreamId id)
    {
        if (Error.IsError)
        {
            return;
        }

        if (id == State.LocalControl)
        {
            LocalControl.Flush(State, _transport);
        }
        else if (id == Encoder.Stream || id == Decoder.Stream)
        {
            FlushQpack();
        }
        else if (Requests.TryGetValue(id, out RequestStream? request))
        {
            request.Changed();
            if (request.Writer.Flush(_transport, id) && request.Writer.Phase == WritePhase.Body)
            {
                _events.Enqueue(new(Http3EventKind.Writable, id));
            }

            Forget(request);
        }
    }

    /// <summary>The peer may now be sent another stream.</summary>
    public void OnStreamsAvailable()
    {
        if (!Error.IsError)
        {
            Start();
            _events.Enqueue(new(Http3EventKind.StreamsAvailable, default));
        }
    }

    /// <summary>The peer reset what it sends.</summary>
    public void OnReset(StreamId id, ulong code)
    {
        if (Error.IsError || !Admit(id))
        {
            return;
        }

        if (Streams.Remove(id, out UnidirectionalStream? stream))
        {
            if (stream.IsCritical)
            {
                Close(UnidirectionalStream.Closed());
            }
        }
        else if (Requests.TryGetValue(id, out RequestStream? request) && !request.Reader.IsOver)
        {
            Abort(request, Http3ErrorCode.RequestCancelled, code, isPeers: true);
        }
    }

    /// <summary>The peer wants no more of what we send; the transport has reset it.</summary>
    public void OnStopped(StreamId id, ulong code)
    {
        if (Error.IsError)
        {
            return;
        }

        if (id == State.LocalControl || id == Encoder.Stream || id == Decoder.Stream)
        {
            Close(UnidirectionalStream.Closed());
        }
        else if (Admit(id))
        {
            RequestStream? request = Requests.GetValueOrDefault(id);
            // A server that has answered early may not want the rest of a request (RFC 9114, section 4.1): its response still counts.
            bool early = !IsServer && Http3ErrorCodes.Understood(code) == Http3ErrorCode.NoError;
            // The stream waits for this, also when the session has long given it all that it had.
            // What peers are to ignore they may well stop, which is no error (section 6.2.3).
            _transport.Reset(id, (ulong)(early || id.IsUnidirectional ? Http3ErrorCode.NoError : Http3ErrorCode.RequestCancelled));
            if (request is not null && early)
            {
                request.Writer.Close();
                request.Changed();
                _events.Enqueue(new(Http3EventKind.Stopped, id, code));
                Forget(request);
            }
            else if (request is not null)
            {
                Abort(request, Http3ErrorCode.RequestCancelled, code, isPeers: true);
            }
            else if (IsServer && id.IsBidirectional)
            {
                // All of the response was the transport's, and has not arrived: the request is given up like one that is still answered.
                _events.Enqueue(new(Http3EventKind.Aborted, id, code, IsPeers: true));
            }
        }
    }

    /// <summary>A request whose head has arrived, once; <c>null</c> for any other stream.</summary>
    public RequestHead? TakeRequest(StreamId id)
    {
        RequestStream? request = Requests.GetValueOrDefault(id);
        RequestHead? head = request?.Request;
        if (head is not null)
        {
            request!.Request = null;
        }

        return head;
    }

    /// <summary>A response whose final head has arrived, once; <c>null</c> for any other stream.</summary>
    public ResponseHead? TakeResponse(StreamId id)
    {
        RequestStream? request = Requests.GetValueOrDefault(id);
        ResponseHead? head = request?.Response;
        if (head is not null)
        {
            request!.Response = null;
            Forget(request);
        }

        return head;
    }

    /// <summary>Sends a request's head; its body, if any, follows by <see cref="Write"/> and <see cref="TryFinish"/>.</summary>
    /// <returns><c>false</c> when no request may be opened now: the peer's limit is reached, or it goes away.</returns>
    /// <exception cref="ArgumentException">The head is malformed, or larger than the peer takes.</exception>
    public bool TryOpenRequest(RequestHead head, bool hasBody, out StreamId id)
    {
        id = default;
        FieldSection fields = head.ToFields();
        Http3Error error = RequestHead.TryRead(fields, out RequestHead? sound);
        if (error.IsError)
        {
            throw new ArgumentException(error.Reason, nameof(head));
        }

        State.CheckFits(fields, nameof(head));
        if (Error.IsError || State.GoAwayReceived is not null || !_transport.TryOpen(unidirectional: false, out id))
        {
            return false;
        }

        RequestStream request = new(id);
        request.OnMethod(head);
        request.Prioritize(Priority.Parse(head.Headers["priority"], Priority.Default), _transport);
        Requests.Add(id, request);
        if (_transport.IsObserved)
        {
            _transport.Tell(new StreamTypeTrace(IsLocal: true, id, Type: null));
        }

        SentHeads.Write(this, _transport, request, fields, isFinal: true, hasBody ? sound!.ContentLength : 0);
        if (!hasBody)
        {
            request.Writer.TryFinish(_transport, id);
        }

        return true;
    }

    /// <summary>Sends a response's head, interim or final.</summary>
    /// <returns><c>false</c> when the request is over.</returns>
    /// <exception cref="ArgumentException">The head is malformed, or larger than the peer takes.</exception>
    /// <exception cref="InvalidOperationException">A final head was sent before.</exception>
    public bool Respond(StreamId id, ResponseHead head)
    {
        FieldSection fields = head.ToSoundFields(Date, out long contentLength);
        State.CheckFits(fields, nameof(head));
        if (!Requests.TryGetValue(id, out RequestStream? request) || request.Writer.IsOver)
        {
            return false;
        }

        if (request.Writer.Phase != WritePhase.Head)
        {
            throw new InvalidOperationException("the response was started before");
        }

        if (!head.IsInterim)
        {
            // The server's word counts where it says something (RFC 9218, section 8).
            request.Prioritize(Priority.Parse(head.Headers["priority"], request.Priority), _transport);
        }

        bool hasNoBody = request.IsHead || ResponseHead.HasNoBody(head.Status) || head.Status == 205;
        SentHeads.Write(this, _transport, request, fields, !head.IsInterim, hasNoBody ? 0 : contentLength);
        request.Changed();
        return true;
    }

    /// <summary>A whole response without a body, for what no handler answers.</summary>
    public void Answer(StreamId id, int status)
    {
        ResponseHead head = new(status, new(new Field("content-length", "0")));
        // A peer that takes not even this much gets none.
        if (!State.Fits(head.ToFields()))
        {
            Abort(id, Http3ErrorCode.InternalError);
        }
        else if (Respond(id, head))
        {
            TryFinish(id);
        }
    }

    /// <summary>Body bytes that may still be written under the announced length; -1 = any number.</summary>
    public long BodyLeft(StreamId id) => Requests.TryGetValue(id, out RequestStream? request) ? request.Writer.BodyLeft : 0;

    /// <summary>Whether there is anything to write to.</summary>
    public bool CanWrite(StreamId id) => Requests.TryGetValue(id, out RequestStream? request) && !request.Writer.IsOver;

    /// <summary>Writes body bytes into one DATA frame.</summary>
    /// <returns>Bytes taken; with 0, <see cref="Http3EventKind.Writable"/> or an end of the request follows.</returns>
    public int Write(StreamId id, ReadOnlySpan<byte> data)
    {
        if (Error.IsError || !Requests.TryGetValue(id, out RequestStream? request))
        {
            return 0;
        }

        request.Changed();
        return request.Writer.Write(_transport, id, data);
    }

    /// <summary>Ends what we send. At a server the rest of the request, if any, is no longer wanted.</summary>
    /// <param name="id">The request's stream.</param>
    /// <param name="trailers">Fields that stand behind the body; they were checked.</param>
    /// <returns>
    /// <c>false</c> when fewer bytes were written than announced, or the peer does not take that many trailers: the message cannot be whole, and
    /// the request was aborted with H3_INTERNAL_ERROR.
    /// </returns>
    public bool TryFinish(StreamId id, FieldSection? trailers = null)
    {
        if (Error.IsError || !Requests.TryGetValue(id, out RequestStream? request))
        {
            return true;
        }

        request.Changed();
        bool fits = trailers is null || State.Fits(trailers);
        if (fits && trailers is { Count: > 0 } && !request.IsConnect && request.Writer is { Phase: WritePhase.Body, BodyLeft: <= 0 })
        {
            SentHeads.Write(this, _transport, request, trailers, isFinal: false, 0);
        }

        if (!fits || !request.Writer.TryFinish(_transport, id))
        {
            Abort(request, Http3ErrorCode.InternalError, (ulong)Http3ErrorCode.InternalError);
            return false;
        }

        if (IsServer && !request.Reader.IsOver)
        {
            // The end may have arrived already; what is then left is a body that nobody will read.
            ReadStep step = request.Reader.Advance(_transport, id, Decoder, out _, out _);
            if (step != ReadStep.End)
            {
                _transport.StopSending(id, (ulong)Http3ErrorCode.NoError);
                request.Reader.Close();
                Decoder.Cancel(id.Value);
            }

            FlushQpack();
        }

        Forget(request);
        return true;
    }

    /// <summary>Reads body bytes.</summary>
    public ReadOutcome Read(StreamId id, Span<byte> destination, out int count)
    {
        count = 0;
        if (Error.IsError || !Requests.TryGetValue(id, out RequestStream? request))
        {
            return ReadOutcome.Aborted;
        }

        if (request.Reader.Phase == ReadPhase.Head)
        {
            return ReadOutcome.Wait;
        }

        request.Changed();
        while (count < destination.Length)
        {
            ReadStep step = request.Reader.Advance(_transport, id, Decoder, out FieldSection? trailers, out Http3Error error);
            request.Trailers = trailers ?? request.Trailers;
            FlushQpack();
            switch (step)
            {
                case ReadStep.Data:
                    count += request.Reader.Take(_transport, id, destination[count..]);
                    continue;

                case ReadStep.End when count == 0:
                    Forget(request);
                    return ReadOutcome.End;

                case ReadStep.Failed:
                    Fail(request, error);
                    return ReadOutcome.Aborted;

                default:
                    return count > 0 ? ReadOutcome.Data : ReadOutcome.Wait;
            }
        }

        return ReadOutcome.Data;
    }

    /// <summary>Changes what a running request of ours matters, and tells the server (RFC 9218, section 7).</summary>
    public void Prioritize(StreamId id, Priority priority)
    {
        if (!IsServer && !Error.IsError && Requests.TryGetValue(id, out RequestStream? request) && request.Priority != priority)
        {
            request.Prioritize(priority, _transport);
            LocalControl.PriorityUpdate(State, _transport, id, priority);
        }
    }

    /// <summary>Resets both directions.</summary>
    public void Abort(StreamId id, Http3ErrorCode code)
    {
        if (!Error.IsError && Requests.TryGetValue(id, out RequestStream? request))
        {
            Abort(request, code, (ulong)code);
        }
    }

    /// <summary>Announces the end (RFC 9114, section 5.2).</summary>
    /// <param name="final">
    /// <c>false</c>: the peer should stop, but nothing is refused yet, as requests may be on their way; <c>true</c>: requests that were
    /// not seen yet are refused.
    /// </param>
    public void GoAway(bool final)
    {
        if (!Error.IsError)
        {
            LocalControl.GoAway(State, _transport, final);
        }
    }

    /// <summary>Sends what both tables have to say.</summary>
    internal void FlushQpack()
    {
        if (!Error.IsError && !QpackStreams.TryFlush(Encoder, Decoder, _transport, Grease))
        {
            Close(Http3Error.Connection(Http3ErrorCode.ExcessiveLoad, "the decoder stream is given no credit"));
        }
    }

    private bool Admit(StreamId id)
    {
        if (PeerStreams.Admit(this, _transport, id) is { IsError: true } error)
        {
            Close(error);
            return false;
        }

        return true;
    }

    private void ReadHead(RequestStream request)
    {
        request.Changed();
        while (request.Reader.Phase == ReadPhase.Head)
        {
            switch (request.Reader.Advance(_transport, request.Id, Decoder, out FieldSection? fields, out Http3Error error))
            {
                case ReadStep.Head:
                    error = ReceivedHeads.Take(request, fields!, _transport, Priorities, _events);
                    if (error.IsError)
                    {
                        Fail(request, error);
                        return;
                    }

                    break;

                case ReadStep.TooLarge when IsServer:
                    Decoder.Cancel(request.Id.Value);
                    Answer(request.Id, 431);
                    return;

                case ReadStep.TooLarge:
                case ReadStep.Failed:
                    Fail(request, error);
                    return;

                default:
                    return;
            }
        }

        _events.Enqueue(new(Http3EventKind.Readable, request.Id));
    }

    /// <summary>SETTINGS or instructions may have arrived: more may be used of the peer's table, and sections may wait no more for ours.</summary>
    private void OnTables()
    {
        Encoder.OnSettings(State.PeerSettings.QpackMaxTableCapacity, State.PeerSettings.QpackBlockedStreams);
        while (!Error.IsError && Decoder.TryUnblock(out ulong unblocked))
        {
            if (Requests.TryGetValue(new(unblocked), out RequestStream? request))
            {
                ReadHead(request);
            }
        }

        // Behind the acknowledgements of sections, which cover most insertions.
        Decoder.AcknowledgeInsertions();
        FlushQpack();
    }

    private void Fail(RequestStream request, Http3Error error)
    {
        if (error.IsConnectionError)
        {
            Close(error);
        }
        else
        {
            Abort(request, error.Code, (ulong)error.Code, isPeers: true);
        }
    }

    private void Abort(RequestStream request, Http3ErrorCode code, ulong reported, bool isPeers = false)
    {
        if (!request.Reader.IsOver)
        {
            _transport.StopSending(request.Id, (ulong)code);
            Decoder.Cancel(request.Id.Value);
            FlushQpack();
        }

        if (request.Writer.Phase != WritePhase.Finished)
        {
            _transport.Reset(request.Id, (ulong)code);
        }

        request.Reader.Close();
        request.Writer.Close();
        Requests.Remove(request.Id);
        _events.Enqueue(new(Http3EventKind.Aborted, request.Id, reported, isPeers));
    }

    private void Forget(RequestStream request)
    {
        if (request.IsOver && request.Response is null)
        {
            Requests.Remove(request.Id);
        }
    }

    private void Close(Http3Error error)
    {
        Error = error;
        _transport.Close((ulong)error.Code, error.Reason);
        Requests.Clear();
        Streams.Clear();
        _events.Enqueue(new(Http3EventKind.Failed, default, (ulong)error.Code));
    }
}
