using Net.Http3.Messages;
using Net.Http3.Wire;

namespace Net.Http3.Sessions;

/// <summary>The head of a message, once it is decoded: a request's at a server, a response's, interim or final, at a client.</summary>
internal static class ReceivedHeads
{
    /// <summary>Validates a decoded section, and tells of it.</summary>
    public static Http3Error Take(RequestStream request, FieldSection fields, IStreamTransport transport, Priorities priorities, Queue<Http3Event> events)
    {
        Http3Error error;
        if (transport.IsServer)
        {
            error = RequestHead.TryRead(fields, out RequestHead? head);
            if (!error.IsError)
            {
                request.Request = head;
                request.OnMethod(head!);
                request.Reader.OnHead(head!.IsConnect ? MessageReader.Tunnel : head.ContentLength, hasNoBody: false);
                // PRIORITY_UPDATE, however early it came, is newer than the head (RFC 9218, section 7).
                request.Prioritize(priorities.Take(request.Id) ?? Priority.Parse(head.Headers["priority"], Priority.Default), transport);
                events.Enqueue(new(Http3EventKind.Head, request.Id));
            }
        }
        else
        {
            error = ResponseHead.TryRead(fields, out ResponseHead? head);
            if (!error.IsError && head!.IsInterim)
            {
                events.Enqueue(new(Http3EventKind.Interim, request.Id, (ulong)head.Status));
                return request.Reader.OnInterim();
            }

            if (!error.IsError)
            {
                request.Response = head;
                // A length means nothing where a tunnel begins (RFC 9110, section 9.3.6).
                bool isTunnel = request.IsConnect && head!.Status is >= 200 and < 300;
                request.Reader.OnHead(
                    isTunnel ? MessageReader.Tunnel : head!.ContentLength, !isTunnel && (request.IsHead || ResponseHead.HasNoBody(head!.Status)));
                events.Enqueue(new(Http3EventKind.Head, request.Id));
            }
        }

        return error;
    }
}
