using Net.Core.Io;
using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>What a component's host is told of it. On the shard's thread, and where that code is not ours, never on one that is lent: it may wait.</summary>
/// <param name="component">Whose.</param>
/// <param name="shard">Its own.</param>
/// <param name="onFault">Told of what escapes: it must not end the thread that serves.</param>
internal sealed class ComponentCallbacks(HostedComponent component, Shard shard, Action<Exception> onFault)
{
    /// <summary>To restore the component runs its own code.</summary>
    public bool RestoresState => component.HasState;

    /// <summary>To begin to serve it, or to go on, runs code of its host.</summary>
    public bool TellsServing => component.Serving is not null;

    /// <summary>Before any request is handled under the epoch.</summary>
    public void OnServing(ulong epoch)
    {
        component.Served?.Invoke(epoch);
        if (component.Serving is Action<ulong> told)
        {
            Tell(() => told(epoch));
        }
    }

    /// <summary>A client has shaken hands with this node, in whichever step.</summary>
    public void OnHandshake()
    {
        if (component.HandshakeCompleted is not Action told)
        {
            return;
        }

        if (shard.IsLent)
        {
            _ = shard.Post(new Later(this, told));
        }
        else
        {
            Tell(told);
        }
    }

    private void Tell(Action told)
    {
        try
        {
            told();
        }
#pragma warning disable CA1031 // As said.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            onFault(fault);
        }
    }

    private sealed class Later(ComponentCallbacks callbacks, Action told) : IShardWork
    {
        public bool MayBeLent => false;

        public void Run(Instant now) => callbacks.Tell(told);
    }
}
