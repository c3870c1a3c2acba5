using System.Buffers;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Http3.Server;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a component makes of the states that it is given.</summary>
[TestClass]
public sealed class ShardCheckpointsTests
{
    /// <summary>Goal: a component that refuses its former state has its newest again; one that then refuses that too must not be served: nobody knows what it is.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Nobody_is_served_from_a_mixture(int refusals)
    {
        Stubborn component = new();
        List<Exception> faults = [];
        ShardCheckpoints checkpoints = new(new("web", component), faults.Add);
        using ExchangeHost exchanges = new(component, new FakeQueue(), new() { Inline = true });
        Assert.AreEqual(MigrateCode.None, checkpoints.Take(1, [], exchanges, default).Code);
        component.State = 7;
        component.Refusals = refusals;
        if (refusals == 1)
        {
            Assert.AreEqual(MigrateCode.Refused, checkpoints.RollBack(0, [], exchanges).Code);
            Assert.AreEqual(7, component.State);
        }
        else
        {
            _ = Assert.ThrowsExactly<ComponentLostException>(() => checkpoints.RollBack(0, [], exchanges));
        }

        Assert.HasCount(1, faults);
    }

    private sealed class Stubborn : IComponent, IStatefulComponent
    {
        public byte State { get; set; }

        public int Refusals { get; set; }

        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => default;

        public void Save(IBufferWriter<byte> writer) => writer.Write([State]);

        public void Restore(ReadOnlyMemory<byte> state)
        {
            State = 0xFF;
            if (Refusals-- > 0)
            {
                throw new InvalidDataException("no");
            }

            State = state.Span[0];
        }
    }
}
