using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Http3.Tethers;

namespace Net.Tests.Http3.Tethers;

/// <summary>Carries tethers between two hosts of one test: what one end says the other hears in the next <see cref="Run"/>.</summary>
internal sealed class DirectCarrier : ITetherCarrier
{
    private readonly Dictionary<ulong, TetherServer> _servers = [];
    private readonly Queue<TetherMessage> _up = new(), _down = new();
    private ServerConnection? _owner;
    private ulong _last;

    /// <summary>Handlers that have stayed and are not done.</summary>
    public int Stayed => _servers.Count;

    /// <summary>All that was said in both directions.</summary>
    public List<TetherMessage> Said { get; } = [];

    public Tether Begin(StreamId id) => new(id, ++_last, new("here", 1, default), new Instant(TimeSpan.TicksPerDay));

    public void OnLeft(TetherServer tether) => _servers.Add(tether.Number, tether);

    public void OnChanged(Tether tether)
    {
        while (tether.TryTake(out TetherMessage? message))
        {
            _up.Enqueue(message);
            Said.Add(message);
        }
    }

    public void OnChanged(TetherServer tether)
    {
        while (tether.TryTake(out TetherMessage? message))
        {
            _down.Enqueue(message);
            Said.Add(message);
        }

        if (tether.IsOver)
        {
            _servers.Remove(tether.Number);
        }
    }

    /// <summary>The connection is here now.</summary>
    public void Attach(ServerConnection owner)
    {
        _owner = owner;
        _up.Clear();
        _down.Clear();
        foreach (Tether tether in owner.Tethers)
        {
            tether.Attach();
            OnChanged(tether);
        }
    }

    /// <summary>The handlers' ends.</summary>
    public IReadOnlyCollection<TetherServer> Servers => [.. _servers.Values];

    /// <summary>Time passes where the handlers are.</summary>
    public void Watch(TimeSpan elapsed)
    {
        foreach (TetherServer server in Servers)
        {
            server.Watch(elapsed);
            OnChanged(server);
        }
    }

    /// <summary>Delivers what was said.</summary>
    public bool Run()
    {
        bool moved = false;
        for (; _up.TryDequeue(out TetherMessage? up); moved = true)
        {
            if (_servers.TryGetValue(up.Number, out TetherServer? server))
            {
                Assert.IsTrue(server.OnMessage(up), up.ToString());
                OnChanged(server);
            }
        }

        for (; _down.TryDequeue(out TetherMessage? down); moved = true)
        {
            if (_owner!.Tethers.FirstOrDefault(tether => tether.Number == down.Number) is Tether tether)
            {
                _owner.OnTether(tether, down);
            }
        }

        return moved;
    }
}
