using Net.Http3.Server.Hosting;

namespace Net.Http3.Server;

/// <summary>As long as it is not disposed of, the component's state stays here: hold it for as short as any lock.</summary>
public sealed class StateLease : IDisposable
{
    private StateGate? _gate;

    internal StateLease(StateGate gate) => _gate = gate;

    /// <summary>Leaves the state; a second call does nothing.</summary>
    public void Dispose() => Interlocked.Exchange(ref _gate, null)?.Exit();
}
