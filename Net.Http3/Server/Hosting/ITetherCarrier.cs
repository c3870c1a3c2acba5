using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Tethers;

namespace Net.Http3.Server.Hosting;

/// <summary>Who carries what is said between the two ends of tethers. On the shard's thread only.</summary>
internal interface ITetherCarrier
{
    /// <summary>A request is written down whose handler will stay here.</summary>
    Tether Begin(StreamId id);

    /// <summary>The owner's end may have something to say.</summary>
    void OnChanged(Tether tether);

    /// <summary>The source's end may have something to say; an <see cref="TetherServer.IsOver">end</see> is among that.</summary>
    void OnChanged(TetherServer tether);

    /// <summary>A connection has moved away, and this handler of it has stayed.</summary>
    void OnLeft(TetherServer tether);
}
