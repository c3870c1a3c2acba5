using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A link to another member as decisions see it: messages go in, in order, and are dropped when it is lost.</summary>
/// <remarks>What arrives is given to whoever opened it. Over QUIC it is <see cref="MessageLink"/>; in the simulator, the agenda.</remarks>
internal interface ILink : IAsyncDisposable
{
    /// <summary>Who is at the other end, as the federation's certificates say.</summary>
    string PeerName { get; }

    /// <summary>What its user keeps with it.</summary>
    object? State { get; set; }

    /// <summary>Bytes that are queued and not on their way yet.</summary>
    long Waiting => 0;

    void Send(LinkMessage message);

    /// <summary>As <see cref="Send"/>, behind which more comes at once: it may wait for that, or for <see cref="Flush"/>, to share a datagram.</summary>
    void Queue(LinkMessage message) => Send(message);

    /// <summary>Nothing more comes: sends what was queued.</summary>
    void Flush()
    {
    }
}
