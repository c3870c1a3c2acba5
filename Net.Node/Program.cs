using System.Runtime.InteropServices;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Runtime;

// The first signal asks, the second insists.
using CancellationTokenSource interrupted = new();
Termination termination = new();
void OnSignal(PosixSignalContext context)
{
    if (context.Signal == PosixSignal.SIGTERM && termination.TryAsk())
    {
        // A node moves its components away first.
        context.Cancel = true;
        return;
    }

    if (interrupted.IsCancellationRequested || termination.IsAsked)
    {
        Environment.Exit(ExitCode.Interrupted);
    }

    context.Cancel = true;
    interrupted.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

CommandHandlers handlers = new(new NetworkRuntime(), Environment.GetEnvironmentVariable, TimeProvider.System, termination);
CommandLine line = new(handlers, Console.Out, Console.Error)
{
    IsTerminal = !Console.IsErrorRedirected,
    OpenOutput = Console.OpenStandardOutput,
    OpenInput = Console.OpenStandardInput,
};
return await line.RunAsync(args, interrupted.Token);
