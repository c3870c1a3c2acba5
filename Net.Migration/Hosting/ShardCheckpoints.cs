using System.Buffers;
using System.Security.Cryptography;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Makes the checkpoints of one component, and goes back to them. On the shard's thread, between two of its batches, while the exchanges are quiet.</summary>
/// <param name="component">Whose.</param>
/// <param name="onFault">Told of what went wrong in its code.</param>
internal sealed class ShardCheckpoints(HostedComponent component, Action<Exception> onFault)
{
    private static readonly ConnectionCheckpoint s_nothing = new();

    private readonly CheckpointStore _store = new(component.MaxCheckpoints, component.MaxCheckpointBytes);
    private int _exported;

    /// <summary>How many are kept, for <c>status</c>. From any thread.</summary>
    public uint Count { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>The newest that is kept; 0: none. From any thread.</summary>
    public ulong Newest { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>The number given last; 0: none was.</summary>
    public ulong Last => _store.Last;

    /// <summary>Keeps this instant.</summary>
    public CheckpointOutcome Take(ulong epoch, IReadOnlyCollection<ServerOwner> owners, ExchangeHost exchanges, Instant now)
    {
        byte[] state = Save();
        Checkpoint checkpoint = new(_store.NextNumber(epoch), epoch, now, state, owners, long.Min(component.MaxCheckpointBytes, CheckpointStore.MaxLength) - state.Length);
        long length = checkpoint.Length;
        bool isKept = _store.TryAdd(checkpoint);
        exchanges.State.Checkpoint = _store.Last;
        Recount();
        return isKept
            ? Outcome(checkpoint.Number, length, owners.Count)
            : Outcome(0, length, owners.Count) with
            {
                Code = MigrateCode.Refused,
                Message = $"a checkpoint of {component.Name} takes {length} bytes, more than {long.Min(component.MaxCheckpointBytes, CheckpointStore.MaxLength)}: raise MaxCheckpointBytes, or keep less state",
            };
    }

    /// <summary>Goes back. If the component does not take its former state, the newest stays, and nothing has happened.</summary>
    /// <param name="number">0: to the newest checkpoint.</param>
    public CheckpointOutcome RollBack(ulong number, IReadOnlyCollection<ServerOwner> owners, ExchangeHost exchanges)
    {
        if (!_store.TryGet(number, out Checkpoint? checkpoint))
        {
            string has = _store.Kept.Count > 0 ? $"it has {string.Join(", ", _store.Kept.Select(kept => kept.Number))}" : "make one with continuum checkpoint";
            return Outcome(0, 0, owners.Count) with
            {
                Code = MigrateCode.UnknownCheckpoint,
                Message = number == 0 ? $"{component.Name} has no checkpoint: {has}" : $"{component.Name} has no checkpoint {number}: {has}",
            };
        }

        // All that can fail comes first: then everything has gone back, or nothing.
        (ServerOwner Owner, IReadOnlySet<StreamId> Settled, IReadOnlyDictionary<StreamId, ExchangeState> Requests)[] known =
            [.. owners.Select(owner => checkpoint.Of(owner.Connection) is ConnectionCheckpoint kept
                ? (owner, kept.Settled, kept.Restore(checkpoint.TakenAt)) : (owner, s_nothing.Settled, s_nothing.Restore(default)))];
        if (TryRestore(checkpoint) is Exception fault)
        {
            return Outcome(0, checkpoint.Length, owners.Count) with
            {
                Code = MigrateCode.Refused,
                Message = $"{component.Name} does not take the state of checkpoint {checkpoint.Number} ({fault.GetType().Name}): its newest state goes on, see the log of its node",
            };
        }

        (int resumed, int reset) = (0, 0);
        HashSet<ServerConnection> seen = [];
        foreach ((ServerOwner owner, IReadOnlySet<StreamId> settled, IReadOnlyDictionary<StreamId, ExchangeState> requests) in known)
        {
            seen.Add(owner.Http3);
            (int some, int others) = owner.Http3.RollBack(settled, requests, checkpoint.Number);
            (resumed, reset) = (resumed + some, reset + others);
        }

        // Handlers may outlive their connection.
        foreach (ServerConnection closed in exchanges.Connections.Where(connection => !seen.Contains(connection)).ToArray())
        {
            closed.LeaveOrphans(checkpoint.Number);
        }

        _store.ForgetAfter(checkpoint.Number);
        Recount();
        return Outcome(checkpoint.Number, checkpoint.Length, owners.Count) with { Resumed = (uint)resumed, Reset = (uint)reset };
    }

    /// <summary>Nothing of them has been written for the attempt that begins.</summary>
    public void BeginExport() => _exported = 0;

    /// <summary>Writes the next one down: each may be large. They do not change meanwhile.</summary>
    /// <returns>Whether there was one.</returns>
    public bool ExportNext(ComponentExport export, Instant now) => _store.TryExport(_exported++, export.OnCheckpoint, now);

    /// <param name="arrivedAt">When the copy was complete: they are written behind the last connection.</param>
    /// <exception cref="SnapshotException">Malformed: nothing is kept.</exception>
    public void Import(ImageStore image, Instant arrivedAt)
    {
        _store.Import(image, arrivedAt);
        Recount();
    }

    /// <summary>The component is another's.</summary>
    public void Clear()
    {
        _store.Clear();
        Recount();
    }

    /// <returns>Why the component has not taken its former state: it has its newest again. Null: it has.</returns>
    /// <exception cref="ComponentLostException">It has taken neither.</exception>
    private Exception? TryRestore(Checkpoint checkpoint)
    {
        byte[] newest = Save();
        try
        {
            // A copy: the component may keep what it is given.
            component.Restore(checkpoint.State.ToArray());
            return null;
        }
#pragma warning disable CA1031 // Whatever it was: the newest state goes on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            onFault(fault);
            try
            {
                component.Restore(newest.ToArray());
            }
            catch (Exception second)
            {
                throw new ComponentLostException($"{component.Name} has taken neither the state of checkpoint {checkpoint.Number} nor its newest", second);
            }

            return fault;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(newest);
        }
    }

    private byte[] Save()
    {
        ArrayBufferWriter<byte> writer = new();
        component.Save(writer);
        byte[] state = writer.WrittenSpan.ToArray();
        writer.Clear();
        return state;
    }

    private CheckpointOutcome Outcome(ulong number, long length, int connections) =>
        new(number, (ulong)length, (uint)connections, 0, 0, [.. _store.Kept.Select(checkpoint => checkpoint.Number)], MigrateCode.None, "");

    private void Recount() => (Count, Newest) = ((uint)_store.Kept.Count, _store.Kept.Count > 0 ? _store.Kept[^1].Number : 0);
}

/// <summary>What a component's state is cannot be told any more: nobody is served from a mixture of two, so its thread ends, as for any fault of ours.</summary>
internal sealed class ComponentLostException(string message, Exception innerException) : Exception(message, innerException);

/// <summary>What came of it.</summary>
/// <param name="Number">Of the checkpoint; 0: nothing has happened.</param>
/// <param name="Bytes">That it takes.</param>
/// <param name="Connections">Of the component.</param>
/// <param name="Resumed">Requests whose handlers began again where the checkpoint has them.</param>
/// <param name="Reset">Requests that depended on what was discarded.</param>
/// <param name="Kept">Numbers of what is kept now, from the oldest on.</param>
/// <param name="Code">None: it is done.</param>
/// <param name="Message">For people.</param>
internal sealed record CheckpointOutcome(
    ulong Number, ulong Bytes, uint Connections, uint Resumed, uint Reset, IReadOnlyList<ulong> Kept, MigrateCode Code, string Message);
