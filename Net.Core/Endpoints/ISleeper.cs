using Net.Core.Time;

namespace Net.Core.Endpoints;

/// <summary>Who thaws a connection that stands by, when something arrives for it before its turn has come.</summary>
internal interface ISleeper
{
    /// <summary>A datagram has come. If the connection is this node's by now, it is thawed on return, and gets it.</summary>
    void Rise(Instant now);
}
