#!/bin/sh
# Waits until the scaling group ends this host, then stops the task manager, which drains, and lets the
# group go on. While it drains, the group is told again and again that the host still works.
#
# Needs curl 7.86 or newer, and of the instance's role autoscaling:CompleteLifecycleAction and
# autoscaling:RecordLifecycleActionHeartbeat. Ends with 0 once the group was told.
set -eu

: "${REGION:?the AWS region, as us-east-1}"
: "${SCALING_GROUP:?the name of the scaling group}"
: "${LIFECYCLE_HOOK:?the name of the lifecycle hook}"
: "${HEARTBEAT_SECONDS:=100}"
: "${POLL_SECONDS:=5}"
: "${UNIT:=sluice-taskmanager.service}"
: "${METADATA_URL:=http://169.254.169.254}"
: "${AUTOSCALING_URL:=https://autoscaling.$REGION.amazonaws.com/}"

# Prints what the metadata service knows of the path; fails where it knows nothing.
metadata() {
  token=$(curl -sS --fail --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    "$METADATA_URL/latest/api/token") &&
    curl -s --fail --max-time 5 -H "X-aws-ec2-metadata-token: $token" \
      "$METADATA_URL/latest/meta-data/$1"
}

# field NAME: that string field of the JSON on standard input.
field() {
  sed -n "s/^.*\"$1\" *: *\"\([^\"]*\)\".*\$/\1/p"
}

# call ACTION [FIELD...]: the Auto Scaling API, signed with the role's credentials, which reach curl on
# standard input: a command line can be read by every user.
call() {
  action=$1
  shift
  role=$(metadata iam/security-credentials/)
  credentials=$(metadata "iam/security-credentials/$role" | tr ',{}' '\n\n\n')
  key=$(printf '%s\n' "$credentials" | field AccessKeyId)
  secret=$(printf '%s\n' "$credentials" | field SecretAccessKey)
  session=$(printf '%s\n' "$credentials" | field Token)
  curl -sS --fail --max-time 20 --retry 3 --output /dev/null --config - \
    --aws-sigv4 "aws:amz:$REGION:autoscaling" \
    --data-urlencode "Action=$action" --data-urlencode 'Version=2011-01-01' \
    --data-urlencode "AutoScalingGroupName=$SCALING_GROUP" \
    --data-urlencode "LifecycleHookName=$LIFECYCLE_HOOK" \
    --data-urlencode "InstanceId=$instance" "$@" "$AUTOSCALING_URL" <<CONFIG
user = "$key:$secret"
header = "X-Amz-Security-Token: $session"
CONFIG
}

until [ "$(metadata autoscaling/target-lifecycle-state || true)" = Terminated ]; do
  sleep "$POLL_SECONDS"
done

instance=$(metadata instance-id)
echo "the scaling group $SCALING_GROUP ends this host, $instance: $UNIT drains"
systemctl stop "$UNIT" &
stop=$!
waited=0
while kill -0 "$stop" 2>/dev/null; do
  sleep 1
  waited=$((waited + 1))
  if [ $((waited % HEARTBEAT_SECONDS)) -eq 0 ]; then
    call RecordLifecycleActionHeartbeat || echo 'the scaling group did not take the heartbeat' >&2
  fi
done
# However the unit ended, the host is to go: holding it would only cost money.
wait "$stop" || echo "$UNIT did not stop cleanly" >&2
call CompleteLifecycleAction --data-urlencode 'LifecycleActionResult=CONTINUE'
echo "$UNIT has drained in about $waited s: the group may end the host"
