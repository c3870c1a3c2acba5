using Net.Core.Wire;

namespace Net.Http3.Sessions;

internal enum Http3EventKind
{
    /// <summary>A head was received: see <see cref="Http3Session.TakeRequest"/> and <see cref="Http3Session.TakeResponse"/>.</summary>
    Head,

    /// <summary>An interim response was received; the code is its status.</summary>
    Interim,

    /// <summary>A read may succeed now.</summary>
    Readable,

    /// <summary>A write may succeed now.</summary>
    Writable,

    /// <summary>The request is over before its end; the code says why. Nothing more can be read or written.</summary>
    Aborted,

    /// <summary>The peer wants no more of what we write; what it writes can still be read.</summary>
    Stopped,

    /// <summary>The peer announced its end: requests from the stream in <see cref="Http3Event.Id"/> on were not processed.</summary>
    GoAway,

    /// <summary>Another request may be opened now.</summary>
    StreamsAvailable,

    /// <summary>The connection was closed for an error of the peer, see <see cref="Http3Session.Error"/>.</summary>
    Failed,
}

/// <summary>What a session tells its host.</summary>
/// <param name="Kind">What has happened.</param>
/// <param name="Id">On which stream.</param>
/// <param name="Code">See the kind.</param>
/// <param name="IsPeers">With <see cref="Http3EventKind.Aborted"/>: the peer gave the request up, or broke a rule. Else it is this side that does not go on.</param>
internal readonly record struct Http3Event(Http3EventKind Kind, StreamId Id, ulong Code = 0, bool IsPeers = false);
