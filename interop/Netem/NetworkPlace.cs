using System.Collections.Concurrent;
using System.Net;
using Interop.Matrix;
using Interop.Processes;

namespace Interop.Netem;

/// <summary>A network namespace with a tunnel as its only way out. It is a thread's own: what that thread starts, and its sockets, are in there.</summary>
internal sealed class NetworkPlace : IPlace, IDisposable
{
    private const string Tunnel = "tun0";
    private const int ServerPort = 443;

    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <exception cref="IOException">Namespaces or tunnels are not to be had here.</exception>
    public NetworkPlace(IPAddress address)
    {
        Address = address;
        _thread = new(Run) { IsBackground = true, Name = $"network {address}" };
        _thread.Start();
        Descriptor = Do(() =>
        {
            Kernel.LeaveNetwork();
            Kernel.Configure("lo", [], []);
            int tunnel = Kernel.OpenTunnel(Tunnel);
            // Both ends, and all addresses of the NAT, are neighbours: no routes are needed.
            Kernel.Configure(Tunnel, Address.GetAddressBytes(), [255, 255, 0, 0]);
            return tunnel;
        });
    }

    public IPAddress Address { get; }

    /// <summary>The tunnel, for packets to be read from and written to.</summary>
    public int Descriptor { get; }

    public Child Start(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment) =>
        Do(() => Child.Start(name, program, arguments, environment));

    // A namespace of its own has nobody else in it.
    public int FreePort() => ServerPort;

    /// <summary>Does something inside the namespace, and waits for it.</summary>
    public T Do<T>(Func<T> action)
    {
        TaskCompletionSource<T> result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                result.SetResult(action());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        Kernel.CloseDescriptor(Descriptor);
    }

    private void Run()
    {
        foreach (Action action in _work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
