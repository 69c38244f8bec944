import {
  Autocomplete,
  Button,
  Group,
  NativeSelect,
  NumberInput,
  SimpleGrid,
  Stack,
  TagsInput,
  Textarea,
  TextInput,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EndpointFields } from '../../api/endpoints.ts';
import { useQueueNames } from '../../api/queues.ts';
import { Failure } from '../../kit/failure.tsx';
import { fieldsOf, type Written } from './fields.ts';

/** Everything one may say of an endpoint; the gateway has the last word on each. */
export function EndpointForm(props: {
  start: Written;
  submitLabel: string;
  isBusy: boolean;
  error: Error | null;
  close(): void;
  submit(fields: EndpointFields): void;
}) {
  const { t } = useTranslation('endpoints');
  const { t: kit } = useTranslation('kit');
  const [written, setWritten] = useState(props.start);
  const queues = useQueueNames();
  const write = (patch: Partial<Written>) => setWritten((before) => ({ ...before, ...patch }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.submit(fieldsOf(written));
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label={t('form.url')}
          placeholder="https://…"
          value={written.url}
          onChange={(event) => write({ url: event.currentTarget.value })}
          maxLength={2048}
          spellCheck={false}
          required
          data-autofocus
        />
        <TagsInput
          label={t('columns.types')}
          description={t('form.typesHint')}
          placeholder="payment.*"
          value={written.types}
          onChange={(types) => write({ types })}
          maxTags={50}
          clearable={false}
        />
        <TextInput
          label={t('form.description')}
          value={written.description}
          onChange={(event) => write({ description: event.currentTarget.value })}
          maxLength={500}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <Autocomplete
            label={t('columns.queue')}
            description={t('form.queueHint')}
            placeholder="default"
            data={queues}
            value={written.queue}
            onChange={(queue) => write({ queue })}
          />
          <NativeSelect
            label={t('form.body')}
            description={t('form.bodyHint')}
            value={written.body}
            data={(['envelope', 'raw'] as const).map((value) => ({
              value,
              label: t(`form.bodies.${value}`),
            }))}
            onChange={({ currentTarget: { value } }) =>
              write({ body: value === 'raw' ? 'raw' : 'envelope' })
            }
          />
          <NumberInput
            label={t('form.maxInFlight')}
            placeholder={t('limits.queue')}
            value={written.maxInFlight}
            onChange={(maxInFlight) => write({ maxInFlight })}
            min={1}
            max={1000}
            allowDecimal={false}
          />
          <NumberInput
            label={t('form.ratePerSecond')}
            placeholder={t('limits.queue')}
            value={written.ratePerSecond}
            onChange={(ratePerSecond) => write({ ratePerSecond })}
            min={0.001}
            max={10_000}
          />
        </SimpleGrid>
        <Textarea
          label={t('form.headers')}
          description={t('form.headersHint')}
          placeholder="X-Shop: tea-house"
          value={written.headers}
          onChange={(event) => write({ headers: event.currentTarget.value })}
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
        />
        {props.error !== null && <Failure error={props.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.close}>
            {kit('cancel')}
          </Button>
          <Button type="submit" loading={props.isBusy} disabled={written.url.trim() === ''}>
            {props.submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
