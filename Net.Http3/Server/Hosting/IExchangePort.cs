using Net.Http3.Messages;
using Net.Http3.Sessions;

namespace Net.Http3.Server.Hosting;

/// <summary>Where an exchange's bytes come from and go to: its stream, or, when its connection has moved away, a tether.</summary>
internal interface IExchangePort
{
    /// <summary>What is read may be a copy of what somebody sent before (RFC 8470).</summary>
    bool IsEarlyData { get; }

    /// <summary>Body bytes of the response that may still be written; -1 = any number.</summary>
    long BodyLeft { get; }

    /// <summary>Reads body bytes of the request.</summary>
    /// <param name="trailers">What stood behind the body, once the end has come.</param>
    ReadOutcome Read(Span<byte> destination, out int count, out FieldSection? trailers);

    /// <summary>Sends a head.</summary>
    /// <returns><c>false</c>: not now; "writable" or an end of the request follows.</returns>
    /// <exception cref="ArgumentException">The head is malformed, or larger than the client takes.</exception>
    /// <exception cref="InvalidOperationException">A final head was sent before.</exception>
    bool Respond(ResponseHead head);

    /// <summary>Writes body bytes.</summary>
    /// <returns>Bytes taken; with 0, "writable" or an end of the request follows.</returns>
    int Write(ReadOnlySpan<byte> data);

    /// <summary>The handler has ended, and so does the response.</summary>
    /// <param name="failed">By an exception.</param>
    void Finish(ExchangeRunner exchange, bool failed);

    /// <summary>An operation was performed: what it has changed is passed on.</summary>
    void Settle();
}

/// <summary>Nothing: the request was given up when its connection went.</summary>
internal sealed class NoPort : IExchangePort
{
    public bool IsEarlyData => false;

    public long BodyLeft => -1;

    public ReadOutcome Read(Span<byte> destination, out int count, out FieldSection? trailers)
    {
        (count, trailers) = (0, null);
        return ReadOutcome.Aborted;
    }

    public bool Respond(ResponseHead head) => false;

    public int Write(ReadOnlySpan<byte> data) => 0;

    public void Finish(ExchangeRunner exchange, bool failed)
    {
    }

    public void Settle()
    {
    }
}

/// <summary>The stream of a connection that is here.</summary>
internal sealed class StreamPort(ServerConnection connection, Net.Core.Wire.StreamId id) : IExchangePort
{
    public bool IsEarlyData => connection.IsEarlyData;

    public long BodyLeft => connection.Session.BodyLeft(id);

    public ReadOutcome Read(Span<byte> destination, out int count, out FieldSection? trailers)
    {
        RequestStream? request = connection.Session.Requests.GetValueOrDefault(id);
        ReadOutcome outcome = connection.Session.Read(id, destination, out count);
        trailers = request?.Trailers;
        // A message that was read to its end and answered is no longer known: there is nothing more to read.
        return outcome == ReadOutcome.Aborted && !connection.Session.HasEvents ? ReadOutcome.End : outcome;
    }

    public bool Respond(ResponseHead head) => connection.Session.Respond(id, head);

    public int Write(ReadOnlySpan<byte> data) => connection.Session.Write(id, data);

    public void Finish(ExchangeRunner exchange, bool failed) => connection.OnFinished(exchange, failed);

    public void Settle() => connection.Pump();
}
